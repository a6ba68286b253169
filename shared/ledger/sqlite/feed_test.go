package sqlite_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/sqlite"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqlitefile"
)

func item(id string, version int64) ledger.Item {
	return ledger.Item{
		Key: ledger.Key{Kind: "test", ID: id}, Version: version, Index: "all", Sort: id,
		Data: fmt.Appendf(nil, `{"id":%q,"version":%d}`, id, version+1),
	}
}

func put(t *testing.T, s *sqlite.Store, items ...ledger.Item) {
	t.Helper()
	for _, item := range items {
		if err := s.Put(t.Context(), item); err != nil {
			t.Fatal(err)
		}
	}
}

// changes renders the feed after a cursor as "seq id/version".
func changes(t *testing.T, s *sqlite.Store, after int64, limit int) (got []string) {
	t.Helper()
	all, err := s.Changes(t.Context(), after, limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		got = append(got, fmt.Sprintf("%d %s/%d", c.Seq, c.Item.Key.ID, c.Item.Version))
	}
	return got
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	s := open(t)
	equal(t, "of an empty ledger", changes(t, s, 0, 10), []string(nil))
	put(t, s, item("a", 0), item("b", 0), item("c", 0), item("a", 1))
	if err := s.Put(t.Context(), item("b", 0)); !errors.Is(err, ledger.ErrChanged) {
		t.Fatalf("put: %v, want ErrChanged", err)
	}
	equal(t, "from the start", changes(t, s, 0, 10), []string{"2 b/1", "3 c/1", "4 a/2"})
	equal(t, "two", changes(t, s, 0, 2), []string{"2 b/1", "3 c/1"})
	equal(t, "after two", changes(t, s, 3, 2), []string{"4 a/2"})
	equal(t, "after all", changes(t, s, 4, 2), []string(nil))
	put(t, s, item("c", 1))
	equal(t, "news", changes(t, s, 4, 2), []string{"5 c/2"})

	got, err := s.Changes(t.Context(), 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := item("c", 1)
	want.Version = 2
	equal(t, "the image", got[0].Item, want)
}

// A reader that runs beside many writers misses no item's last change.
func TestChangesWhileWriting(t *testing.T) {
	t.Parallel()
	s := open(t)
	const writers, writes = 16, 10
	var done sync.WaitGroup
	for w := range writers {
		done.Go(func() {
			for v := range int64(writes) {
				put(t, s, item(fmt.Sprint(w), v))
			}
		})
	}
	seen, after := map[string]int64{}, int64(0)
	read := func() (n int) {
		all, err := s.Changes(t.Context(), after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if c.Seq <= after || c.Item.Version <= seen[c.Item.Key.ID] {
				t.Errorf("change %d after %d, version %d after %d", c.Seq, after, c.Item.Version, seen[c.Item.Key.ID])
			}
			after, seen[c.Item.Key.ID] = c.Seq, c.Item.Version
		}
		return len(all)
	}
	for len(seen) < writers {
		read()
	}
	done.Wait()
	for read() > 0 { //nolint:revive // until there is no more
	}
	equal(t, "items seen", len(seen), writers)
	for id, v := range seen {
		equal(t, "last version seen of "+id, v, int64(writes))
	}
	equal(t, "last number", after, int64(writers*writes))
}

func TestCursorIsDurableAndNeverGoesBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dialtone.db")
	s, file := openFile(t, path)
	cursor := func(name string, want int64) {
		t.Helper()
		got, err := s.Cursor(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "cursor "+name, got, want)
	}
	cursor("outcomes", 0)
	for _, seq := range []int64{3, 7, 5} {
		if err := s.SaveCursor(t.Context(), "outcomes", seq); err != nil {
			t.Fatal(err)
		}
	}
	cursor("outcomes", 7)
	cursor("other", 0)
	put(t, s, item("a", 0))
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = openFile(t, path)
	cursor("outcomes", 7)
	equal(t, "changes after reopening", changes(t, s, 0, 10), []string{"1 a/1"})
}

func TestPurge(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 5 {
		gone := item(fmt.Sprint("gone", i), 0)
		gone.Expires = time.Now().Add(-time.Duration(i+1) * time.Hour)
		put(t, s, gone)
	}
	later := item("later", 0)
	later.Expires = time.Now().Add(time.Hour)
	put(t, s, later, item("stays", 0))
	last := item("last", 0)
	last.Expires = time.Now().Add(-24 * time.Hour)
	put(t, s, last)
	for _, want := range []int{2, 2, 1, 0} {
		n, err := s.Purge(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "purged", n, want)
	}
	equal(t, "left", changes(t, s, 0, 10), []string{"6 later/1", "7 stays/1", "8 last/1"})
	put(t, s, item("new", 0)) // numbers go on after the newest, though that has expired
	n, err := s.Purge(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "purged in the end", n, 1)
	equal(t, "left in the end", changes(t, s, 0, 10), []string{"6 later/1", "7 stays/1", "9 new/1"})
}

func TestWatch(t *testing.T) {
	t.Parallel()
	s, file := openFile(t, filepath.Join(t.TempDir(), "dialtone.db"))
	changed, stop := file.Watch(sqlite.Topic)
	defer stop()
	put(t, s, item("a", 0))
	<-changed
}

func TestCounts(t *testing.T) {
	t.Parallel()
	s := open(t)
	l := ledger.New(s, ledger.Options{})
	holder := func(i int) ledger.Holder {
		return ledger.Holder{User: sipaddr.User(fmt.Sprintf("user%d@contoso.test", i)), PhoneType: command.Work}
	}
	for i, location := range []string{"hamburg", "hamburg", "hamburg", "bremen"} {
		n := e164.Number(fmt.Sprintf("+494000000%d", i))
		if _, err := l.Claim(t.Context(), n, location, holder(i)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := l.Confirm(t.Context(), n, holder(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 3 {
		c := command.Command{Key: command.Key{Source: "urn:test", ID: fmt.Sprint(i)}, User: "ada@contoso.test"}
		lease, _, err := l.Begin(t.Context(), c, time.Now().Add(time.Hour))
		if err == nil && i == 0 {
			err = l.Yield(t.Context(), lease, "later")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	expired := item("old", 0)
	expired.Key.Kind, expired.Data, expired.Expires = ledger.KindRequest, []byte(`{"state":"done"}`), time.Now().Add(-time.Hour)
	put(t, s, expired)

	requests, err := s.Requests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "requests", requests, map[ledger.RequestState]int{ledger.Running: 2, ledger.Waiting: 1})
	numbers, err := s.Numbers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "numbers", numbers, map[string]map[ledger.NumberState]int{
		"hamburg": {ledger.Assigned: 1, ledger.Reserved: 2}, "bremen": {ledger.Reserved: 1},
	})
}

// Two files on one path are two processes, as far as SQLite can tell.
func TestTwoProcessesClaim(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dialtone.db")
	const numbers, workers = 10, 16
	owners := make([]map[e164.Number]bool, workers)
	var done sync.WaitGroup
	for p := range 2 {
		s, _ := openFile(t, path)
		l := ledger.New(s, ledger.Options{})
		for w := p; w < workers; w += 2 {
			owners[w] = map[e164.Number]bool{}
			done.Go(func() {
				h := ledger.Holder{User: sipaddr.User(fmt.Sprintf("user%d@contoso.test", w)), PhoneType: command.Work}
				for i := range numbers {
					n := e164.Number(fmt.Sprintf("+494000000%d", i))
					_, err := l.Claim(t.Context(), n, "hamburg", h)
					if _, taken := errors.AsType[*ledger.TakenError](err); err != nil && !taken {
						t.Errorf("claim: %v", err)
					}
					owners[w][n] = err == nil
				}
			})
		}
	}
	done.Wait()
	for i := range numbers {
		count := 0
		for w := range owners {
			if owners[w][e164.Number(fmt.Sprintf("+494000000%d", i))] {
				count++
			}
		}
		equal(t, fmt.Sprint("owners of number ", i), count, 1)
	}
}

// An item is there until its second comes, and not from then on.
func TestExpiryBoundary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "dialtone.db"), sqlitefile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		s, err := sqlite.New(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		short := item("a", 0)
		short.Expires = time.Now().Add(10 * time.Second)
		put(t, s, short)
		for _, c := range []struct {
			after time.Duration
			want  int64
		}{{0, 1}, {10*time.Second - time.Nanosecond, 1}, {time.Nanosecond, 0}} {
			time.Sleep(c.after) // in the bubble's time
			got, err := s.Get(t.Context(), short.Key)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "version", got.Version, c.want)
			listed := 0
			for _, err := range s.List(t.Context(), "all", "", "") {
				if err != nil {
					t.Fatal(err)
				}
				listed++
			}
			equal(t, "listed", listed, int(c.want))
		}
		put(t, s, item("a", 0))
	})
}
