package deadletters_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/deadletters"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
)

func TestFit(t *testing.T) {
	t.Parallel()
	key := command.Key{Source: "hr", ID: "1"}
	whole := ledger.DeadLetter{Request: key, Body: body("1", "home")}
	for name, c := range map[string]struct {
		edit  func(*ledger.DeadLetter)
		words string // of the refusal; "": fit
	}{
		"as it should be": {func(*ledger.DeadLetter) {}, ""},
		"cut":             {func(d *ledger.DeadLetter) { d.Cut = true }, "send it anew"},
		"key of another":  {func(d *ledger.DeadLetter) { d.Request = command.Unreadable([]byte(d.Body)) }, "no request key of its own"},
		"field missing":   {func(d *ledger.DeadLetter) { d.Body = strings.Replace(d.Body, "locationId", "location", 1) }, "dlq fix"},
		"unreadable": {func(d *ledger.DeadLetter) {
			d.Body = "hello"
			d.Request = command.Unreadable([]byte(d.Body))
		}, "dlq fix"},
	} {
		d := whole
		c.edit(&d)
		got, err := deadletters.Fit(d)
		if c.words == "" && (err != nil || got.Key != key) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if _, unfit := errors.AsType[*deadletters.UnfitError](err); c.words != "" && (!unfit || !strings.Contains(err.Error(), c.words)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUnfitIsLeftAlone: what would fail again is refused before anything is written.
func TestUnfitIsLeftAlone(t *testing.T) {
	t.Parallel()
	store := ledgertest.NewMemory()
	b, calls := bench(store, seen{}, 0, false)
	err := b.Replay(t.Context(), ledger.DeadLetter{Body: "hello", Request: command.Unreadable([]byte("hello"))}, "")
	if err == nil || calls.calls > 0 {
		t.Errorf("%v after %d calls", err, calls.calls)
	}
	if err := b.Discard(t.Context(), ledger.DeadLetter{}, ""); err == nil || calls.calls > 0 {
		t.Errorf("discard without a reason: %v", err)
	}
}

func TestMend(t *testing.T) {
	t.Parallel()
	d := ledger.DeadLetter{Request: command.Key{Source: "hr", ID: "1"}, User: "ada@contoso.test", Body: strings.Replace(body("1", "home"), `"data"`, `"trace":"a<b","data"`, 1)}
	for name, c := range map[string]struct {
		set, unset []string
		changes    []deadletters.Change
		words      string // of the refusal
	}{
		"set a text":        {set: []string{"data.locationId=Hamburg"}, changes: []deadletters.Change{{"data.locationId", `"home"`, `"Hamburg"`}}},
		"set a user":        {set: []string{"data.user=Eva@contoso.test"}, changes: []deadletters.Change{{"data.user", `"ada@contoso.test"`, `"Eva@contoso.test"`}}},
		"set a flag":        {set: []string{"data.replace=true"}, changes: []deadletters.Change{{"data.replace", "", "true"}}},
		"digits as a text":  {set: []string{`data.locationId="12"`}, changes: []deadletters.Change{{"data.locationId", `"home"`, `"12"`}}},
		"text with =":       {set: []string{"data.locationId=Y2l="}, changes: []deadletters.Change{{"data.locationId", `"home"`, `"Y2l="`}}},
		"take out":          {set: []string{"data.orgId=x"}, unset: []string{"data.orgId"}, words: "like that already"},
		"take out required": {unset: []string{"data.locationId"}, changes: []deadletters.Change{{"data.locationId", `"home"`, ""}}, words: "data.locationId is missing"},
		"unknown field":     {set: []string{"data.colour=red"}, changes: []deadletters.Change{{"data.colour", "", `"red"`}}, words: "data.colour"},
		"wrong type":        {set: []string{"data.replace=perhaps"}, changes: []deadletters.Change{{"data.replace", "", `"perhaps"`}}, words: "data.replace"},
		"nothing":           {set: []string{"data.locationId=home"}, words: "like that already"},
	} {
		var edits []deadletters.Edit
		for _, s := range c.set {
			e, err := deadletters.ParseSet(s)
			if err != nil {
				t.Fatal(err)
			}
			edits = append(edits, e)
		}
		for _, s := range c.unset {
			e, err := deadletters.ParseUnset(s)
			if err != nil {
				t.Fatal(err)
			}
			edits = append(edits, e)
		}
		got, changes, err := deadletters.Mend(d, edits...)
		if !slices.Equal(changes, c.changes) || (c.words == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %+v, %v", name, changes, err)
		}
		if err != nil {
			continue
		}
		if m := decode(t, got.Body); m.Key != d.Request || m.User != got.User || got.Type != m.Type || !strings.Contains(got.Body, `"trace":"a<b"`) {
			t.Errorf("%s: %s of %s", name, got.Body, got.User)
		}
		if got.Original = d.Body; !slices.Equal(deadletters.Mended(got), c.changes) {
			t.Errorf("%s: told later as %+v", name, deadletters.Mended(got))
		}
	}
}

func TestEditsThatAreNone(t *testing.T) {
	t.Parallel()
	for arg, words := range map[string]string{
		"data.locationId": "FIELD=VALUE", "source=x": "request's key", "id=x": "request's key", "subject=x": "data.NAME", "data.=x": "data.NAME", "data.a.b=x": "data.NAME",
	} {
		if _, err := deadletters.ParseSet(arg); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", arg, err)
		}
	}
	for _, broken := range []string{"hello", "null", "[1]"} {
		_, _, err := deadletters.Mend(ledger.DeadLetter{Body: broken}, deadletters.Edit{Field: "type"})
		if _, unfit := errors.AsType[*deadletters.UnfitError](err); !unfit {
			t.Errorf("mending %s: %v", broken, err)
		}
	}
}

// TestMendedReplay: the mended message is sent under the old key, and both
// messages are told.
func TestMendedReplay(t *testing.T) {
	t.Parallel()
	store, to := ledgertest.NewMemory(), seen{}
	b, _ := bench(store, to, 0, false)
	d := bury(t, b.Ledger, body("1", "nowhere"))
	mended, _, err := deadletters.Mend(d, deadletters.Edit{Field: "data.locationId", Value: []byte(`"home"`)})
	if err == nil {
		err = b.Replay(t.Context(), mended, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	got := letter(t, b.Ledger, d.Request)
	if got.Location() != "home" || got.Original != d.Body || to[d.Request.DedupID(1)] != 1 {
		t.Errorf("%+v, sent %v", got, to)
	}
	if lease, _, err := b.Ledger.Begin(t.Context(), decode(t, got.Body), time.Now().Add(time.Minute)); err != nil || lease == nil {
		t.Errorf("begin: %v", err)
	}
}

func TestEach(t *testing.T) {
	t.Parallel()
	unfit, broken := &deadletters.UnfitError{Reason: "unfit"}, errors.New("no answer")
	for name, c := range map[string]struct {
		fail          map[string]error
		done, refused int
		left          int
		words         string
	}{
		"all well":                   {done: 10},
		"unfit ones":                 {fail: map[string]error{"0": unfit, "1": unfit, "2": unfit, "3": unfit}, done: 6, refused: 4},
		"failures now and then":      {fail: map[string]error{"0": broken, "1": broken, "3": broken, "4": broken}, done: 6, refused: 4},
		"the queue is gone":          {fail: map[string]error{"2": broken, "3": broken, "4": broken}, done: 2, refused: 3, left: 5, words: "3 failed in a row: no answer"},
		"unfit ones are no failures": {fail: map[string]error{"2": broken, "3": broken, "4": unfit, "5": broken}, done: 6, refused: 4},
	} {
		var letters []ledger.DeadLetter
		for _, id := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"} {
			letters = append(letters, ledger.DeadLetter{Request: command.Key{ID: id}})
		}
		last := 0
		r, err := deadletters.Each(t.Context(), letters, 1e9, func(_ context.Context, d ledger.DeadLetter) error {
			return c.fail[d.Request.ID]
		}, func(n int) { last = n })
		if r.Done != c.done || len(r.Refused) != c.refused || r.Left != c.left || last != 10-c.left || (err == nil) != (c.words == "") || err != nil && err.Error() != c.words {
			t.Errorf("%s: %+v, %v, told of %d", name, r, err, last)
		}
	}
}

// TestEachKeepsTheRate: twenty a second, and an interrupt stops it between two.
func TestEachKeepsTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1020*time.Millisecond)
		defer cancel()
		began := time.Now()
		var at []time.Duration
		r, err := deadletters.Each(ctx, make([]ledger.DeadLetter, 100), 20, func(context.Context, ledger.DeadLetter) error {
			at = append(at, time.Since(began))
			return nil
		}, func(int) {})
		if r.Done != 21 || r.Left != 79 || err == nil {
			t.Errorf("%+v, %v", r, err)
		}
		for i := range at {
			if want := time.Duration(i) * 50 * time.Millisecond; at[i].Round(time.Millisecond) != want {
				t.Errorf("number %d after %s, want %s", i, at[i], want)
			}
		}
	})
}
