package ledger

import (
	"errors"
	"testing"
)

func TestLockTransitions(t *testing.T) {
	me := lock{Name: "n", Owner: "p1", Holder: "me", Fence: 3, Until: after}
	other := func(edit func(*lock)) lock {
		k := lock{Name: "n", Owner: "p1", Holder: "other", Fence: 4, Until: after}
		if edit != nil {
			edit(&k)
		}
		return k
	}
	over := func(k *lock) { k.Until = before }
	want := lock{Name: "n", Owner: "p1", Holder: "new", Until: after.Add(after.Sub(now))}
	take := func(exclusive bool) func(lock) (lock, error) {
		return func(k lock) (lock, error) { return k.taken(want, exclusive, now) }
	}
	free := lock{Name: "n", Fence: 4}
	given := func(fence int64) lock {
		k := want
		k.Fence = fence
		return k
	}
	for _, c := range []struct {
		name string
		at   lock
		do   func(lock) (lock, error)
		want lock
		err  string
	}{
		{"take what nobody ever had", lock{}, take(false), given(1), ""},
		{"take a free one", free, take(false), given(5), ""},
		{"take a held one", other(nil), take(false), lock{}, "locked"},
		{"take one whose time is over", other(over), take(false), given(5), ""},
		{"take at the last moment", other(func(k *lock) { k.Until = now }), take(false), given(5), ""},
		{"alone, take this process's own", other(nil), take(true), lock{}, "locked"},
		{"alone, take a dead process's", other(func(k *lock) { k.Owner = "p0" }), take(true), given(5), ""},
		{"not alone, take another process's", other(func(k *lock) { k.Owner = "p0" }), take(false), lock{}, "locked"},
		{"extend mine", me, func(k lock) (lock, error) { return k.extended(me, want.Until) }, lock{"n", 3, "p1", "me", want.Until}, ""},
		{"extend mine to the same", me, func(k lock) (lock, error) { return k.extended(me, me.Until) }, lock{}, "="},
		{"extend mine after its time", lock{"n", 3, "p1", "me", before}, func(k lock) (lock, error) { return k.extended(me, after) }, me, ""},
		{"extend what was taken over", other(nil), func(k lock) (lock, error) { return k.extended(me, after) }, lock{}, "fenced"},
		{"extend what was given back", free, func(k lock) (lock, error) { return k.extended(me, after) }, lock{}, "fenced"},
		{"extend an older one of mine", other(func(k *lock) { k.Holder = "me" }), func(k lock) (lock, error) { return k.extended(me, after) }, lock{}, "fenced"},
		{"give back mine", me, func(k lock) (lock, error) { return k.released(me) }, lock{Name: "n", Fence: 3}, ""},
		{"give back mine after its time", lock{"n", 3, "p1", "me", before}, func(k lock) (lock, error) { return k.released(me) }, lock{Name: "n", Fence: 3}, ""},
		{"give back what was taken over", other(nil), func(k lock) (lock, error) { return k.released(me) }, lock{}, "="},
		{"give back twice", lock{Name: "n", Fence: 3}, func(k lock) (lock, error) { return k.released(me) }, lock{}, "="},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.do(c.at)
			_, locked := errors.AsType[*LockedError](err)
			word := word("", err)
			if locked {
				word = "locked"
			}
			if word != c.err || err == nil && got != c.want {
				t.Errorf("got %+v, %q, want %+v, %q", got, word, c.want, c.err)
			}
			if err != nil && got != c.at {
				t.Errorf("a refusal changed the lock to %+v", got)
			}
		})
	}
}
