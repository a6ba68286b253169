package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dialtone/shared/ledger"
)

// storeTests are the promises of [ledger.Store], one by one.
func storeTests() map[string]run {
	return map[string]run{
		"get-absent":                      getAbsent,
		"put-then-get":                    putThenGet,
		"put-keeps-keys-apart":            putKeepsKeysApart,
		"put-large-data":                  putLargeData,
		"put-counts-versions":             putCountsVersions,
		"put-over-other-version":          putOverOtherVersion,
		"put-over-absent":                 putOverAbsent,
		"put-race-of-first-writes":        putRaceOfFirstWrites,
		"put-race-of-updates":             putRaceOfUpdates,
		"expired-is-absent":               expiredIsAbsent,
		"expired-is-overwritten":          expiredIsOverwritten,
		"expiry-is-kept-and-taken-back":   expiryIsKept,
		"list-order-and-range":            listOrderAndRange,
		"list-follows-the-item":           listFollowsTheItem,
		"list-leaves-out-the-unlisted":    listLeavesOut,
		"list-many":                       listMany,
		"list-same-place":                 listSamePlace,
		"list-nested":                     listNested,
		"ended-context-is-an-error":       endedContext,
		"ended-context-may-not-half-work": endedContextMidway,
	}
}

const kindTest ledger.Kind = "test"

// item returns a new item with the given id and place in the test's own list.
func (s *subject) item(id, sort string) ledger.Item {
	return ledger.Item{
		Key:   ledger.Key{Kind: kindTest, ID: s.ns + id},
		Index: "index/" + s.ns, Sort: sort, Data: fmt.Appendf(nil, `{"id":%q}`, id),
	}
}

// put writes an item and returns it as it must stand then.
func (s *subject) put(t *testing.T, item ledger.Item) ledger.Item {
	t.Helper()
	if err := s.store.Put(t.Context(), item); err != nil {
		t.Fatalf("put %s at version %d: %v", item.Key.ID, item.Version, err)
	}
	item.Version++
	return item
}

// stands fails the test unless the store has exactly this item.
func (s *subject) stands(t *testing.T, want ledger.Item) {
	t.Helper()
	got, err := s.store.Get(t.Context(), want.Key)
	must(t, err)
	if !same(got, want) {
		t.Errorf("get %s:\n got %s\nwant %s", want.Key.ID, show(got), show(want))
	}
}

// refused fails the test unless the store refuses the write and, if it tells,
// tells what stands there.
func (s *subject) refused(t *testing.T, item, standing ledger.Item) {
	t.Helper()
	err := s.store.Put(t.Context(), item)
	if !errors.Is(err, ledger.ErrChanged) {
		t.Fatalf("put %s at version %d over %d: %v, want ErrChanged", item.Key.ID, item.Version, standing.Version, err)
	}
	if c, ok := errors.AsType[*ledger.ChangedError](err); ok && !same(c.Current, standing) {
		t.Errorf("put %s: the error tells\n     %s\nwant %s", item.Key.ID, show(c.Current), show(standing))
	}
}

func (s *subject) listed(t *testing.T, from, to string, want ...ledger.Item) {
	t.Helper()
	s.eventually(t, func() string {
		got, err := all(s.store.List(t.Context(), "index/"+s.ns, from, to))
		must(t, err)
		if slices.EqualFunc(got, want, same) {
			return ""
		}
		return fmt.Sprintf("list from %q to %q:\n got %s\nwant %s", from, to, show(got...), show(want...))
	})
}

// same compares items. An absent item has no key, list or data to compare.
func same(a, b ledger.Item) bool {
	if a.Version == 0 && b.Version == 0 {
		return true
	}
	return a.Key == b.Key && a.Version == b.Version && a.Index == b.Index && a.Sort == b.Sort &&
		a.Expires.Unix() == b.Expires.Unix() && bytes.Equal(a.Data, b.Data)
}

func show(items ...ledger.Item) string {
	lines := make([]string, len(items))
	for i, item := range items {
		data := string(item.Data)
		if len(data) > 60 {
			data = data[:60] + "…"
		}
		lines[i] = fmt.Sprintf("{%s %s v%d in %s at %s until %s: %s}", item.Key.Kind, item.Key.ID, item.Version, item.Index, item.Sort, item.Expires, data)
	}
	return strings.Join(lines, " ")
}

func getAbsent(t *testing.T, s *subject) {
	got, err := s.store.Get(t.Context(), ledger.Key{Kind: kindTest, ID: s.ns})
	if err != nil || got.Version != 0 {
		t.Fatalf("get: version %d, %v; want 0, nil", got.Version, err)
	}
}

func putThenGet(t *testing.T, s *subject) {
	for i, data := range []string{
		`{}`,
		`{"b":1,"a":2}`,
		`{ "spaces" : [ 1 , 2 ] }`,
		`{"big":12345678901234567890,"small":1.0,"exp":1e3}`,
		`{"text":"ä 漢 \u0041 \\ \" <&> 😀"}`,
		`{"state":"running","locationId":"x","user":null}`,
	} {
		item := s.item(fmt.Sprint(i), "sort/"+data)
		item.Data = []byte(data)
		s.stands(t, s.put(t, item))
	}
}

func putKeepsKeysApart(t *testing.T, s *subject) {
	ids := []string{"a", "A", "a ", "a/b", "a#b", "a%2Fb", "ä", "a\u0308", "'; --", "a:b", strings.Repeat("x", 900)}
	var want []ledger.Item
	for _, id := range ids {
		want = append(want, s.put(t, s.item(id, id)))
	}
	other := s.item("a", "other kind")
	other.Key.Kind = "test2"
	other.Data = []byte(`{"other":true}`)
	want = append(want, s.put(t, other))
	for _, item := range want {
		s.stands(t, item)
	}
}

func putLargeData(t *testing.T, s *subject) {
	item := s.item("large", "")
	item.Data = fmt.Appendf(nil, `{"body":%q}`, strings.Repeat("0123456789abcdef", 200<<10/16))
	s.stands(t, s.put(t, item))
}

func putCountsVersions(t *testing.T, s *subject) {
	item := s.item("a", "")
	for want := int64(1); want <= 5; want++ {
		item.Data = fmt.Appendf(nil, `{"n":%d}`, want)
		item = s.put(t, item)
		if s.stands(t, item); item.Version != want {
			t.Fatalf("version %d after %d writes", item.Version, want)
		}
	}
}

func putOverOtherVersion(t *testing.T, s *subject) {
	stands := s.put(t, s.put(t, s.item("a", "1")))
	for _, version := range []int64{0, 1, 3, 99} {
		late := s.item("a", "2")
		late.Version, late.Data = version, []byte(`{"late":true}`)
		s.refused(t, late, stands)
		s.stands(t, stands)
	}
}

func putOverAbsent(t *testing.T, s *subject) {
	item := s.item("a", "1")
	item.Version = 1
	s.refused(t, item, ledger.Item{})
	s.stands(t, ledger.Item{Key: item.Key})
}

func putRaceOfFirstWrites(t *testing.T, s *subject) {
	for round := range s.Rounds {
		var won atomic.Int32
		s.race(func(w int) {
			item := s.item(fmt.Sprint("round", round), "")
			item.Data = fmt.Appendf(nil, `{"worker":%d}`, w)
			switch err := s.store.Put(t.Context(), item); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, ledger.ErrChanged):
				t.Errorf("put: %v", err)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%d of %d first writes won, want 1", won.Load(), s.Workers)
		}
	}
}

func putRaceOfUpdates(t *testing.T, s *subject) {
	key := s.put(t, s.item("a", "")).Key
	var won atomic.Int64
	s.race(func(int) {
		for range s.Rounds {
			item, err := s.store.Get(t.Context(), key)
			if err == nil {
				err = s.store.Put(t.Context(), item)
			}
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, ledger.ErrChanged) {
				t.Errorf("update: %v", err)
			}
		}
	})
	got, err := s.store.Get(t.Context(), key)
	must(t, err)
	if got.Version != 1+won.Load() || won.Load() == 0 {
		t.Errorf("version %d after %d updates that won", got.Version, won.Load())
	}
}

func expiredIsAbsent(t *testing.T, s *subject) {
	item := s.item("a", "1")
	item.Expires = over()
	s.put(t, item)
	s.put(t, s.item("b", "2"))
	s.stands(t, ledger.Item{Key: item.Key})
	want := s.item("b", "2")
	want.Version = 1
	s.listed(t, "", "", want)
}

func expiredIsOverwritten(t *testing.T, s *subject) {
	item := s.item("a", "1")
	item.Expires = over()
	item = s.put(t, item)
	s.refused(t, item, ledger.Item{}) // to version 1, as absent as to any other
	again := s.put(t, s.item("a", "2"))
	s.stands(t, again)
	if again.Version != 1 {
		t.Errorf("version %d, want to start again at 1", again.Version)
	}
	s.listed(t, "", "", again)
}

func expiryIsKept(t *testing.T, s *subject) {
	item := s.item("a", "1")
	item.Expires = soon().Truncate(time.Second)
	item = s.put(t, item)
	s.stands(t, item)
	item.Expires = item.Expires.Add(time.Hour)
	item = s.put(t, item)
	s.stands(t, item)
	item.Expires = time.Time{}
	item = s.put(t, item)
	s.stands(t, item)
	s.listed(t, "", "", item)
}

func endedContext(t *testing.T, s *subject) {
	item := s.put(t, s.item("a", "1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.store.Get(ctx, item.Key); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v, want context.Canceled", err)
	}
	if err := s.store.Put(ctx, item); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want context.Canceled", err)
	}
	if _, err := all(s.store.List(ctx, "index/"+s.ns, "", "")); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v, want context.Canceled", err)
	}
	s.stands(t, item)
}

// endedContextMidway ends the context while writes are on their way: each is
// there or is not there, and those that returned nil are there.
func endedContextMidway(t *testing.T, s *subject) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	errs := make([]error, s.Workers)
	s.race(func(w int) {
		if w == s.Workers/2 {
			cancel()
		}
		errs[w] = s.store.Put(ctx, s.item(fmt.Sprint(w), ""))
	})
	for w, err := range errs {
		want := s.item(fmt.Sprint(w), "")
		got, readErr := s.store.Get(t.Context(), want.Key)
		must(t, readErr)
		want.Version = 1
		if !same(got, want) && (err == nil || got.Version != 0) {
			t.Errorf("put answered %v, then get\n got %s\nwant %s", err, show(got), show(want))
		}
	}
}
