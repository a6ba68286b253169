package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dialtone/shared/ledger"
)

func listOrderAndRange(t *testing.T, s *subject) {
	sorts := []string{"+1205", "+12050", "2026-01", "2026-01/a", "A", "Z", "a", "z", "ä", "😀"} // ascending bytes
	items := map[string]ledger.Item{}
	for i, sort := range slices.Backward(sorts) {
		items[sort] = s.put(t, s.item(fmt.Sprint(i), sort))
	}
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{"", "", sorts},
		{"", "\U0010ffff", sorts},
		{"2026-01", "", sorts[2:]},
		{"2026-01", "2026-01", sorts[2:3]},
		{"2026", "2026-01/a", sorts[2:4]},
		{"+1205", "+12050", sorts[:2]},
		{"+12051", "2026", nil},
		{"b", "a", nil},
		{"", "+", nil},
		{"😀", "", sorts[9:]},
		{"😀a", "", nil},
	} {
		var want []ledger.Item
		for _, sort := range c.want {
			want = append(want, items[sort])
		}
		s.listed(t, c.from, c.to, want...)
	}
}

func listFollowsTheItem(t *testing.T, s *subject) {
	a, b := s.put(t, s.item("a", "1")), s.put(t, s.item("b", "2"))
	s.listed(t, "", "", a, b)
	a.Sort = "3"
	a = s.put(t, a)
	s.listed(t, "", "", b, a)
	b.Index = "elsewhere/" + s.ns
	s.put(t, b)
	s.listed(t, "", "", a)
	a.Index, a.Sort = "", ""
	s.put(t, a)
	s.listed(t, "", "")
}

func listLeavesOut(t *testing.T, s *subject) {
	unlisted := s.item("a", "1")
	unlisted.Index = ""
	s.put(t, unlisted)
	prefix := s.item("b", "1")
	prefix.Index += "/more"
	s.put(t, prefix)
	want := s.put(t, s.item("c", ""))
	s.listed(t, "", "", want)
}

func listMany(t *testing.T, s *subject) {
	want := make([]ledger.Item, s.Many)
	s.each(s.Many, func(i int) {
		item := s.item(fmt.Sprint(i), fmt.Sprintf("%05d", i))
		item.Data = fmt.Appendf(nil, `{"i":%d,"fill":%q}`, i, strings.Repeat("x", 1500))
		want[i] = s.put(t, item)
	})
	s.listed(t, "", "", want...)
	s.listed(t, want[s.Many/3].Sort, want[s.Many/2].Sort, want[s.Many/3:s.Many/2+1]...)
}

func listSamePlace(t *testing.T, s *subject) {
	n := s.Many / 4
	s.each(n, func(i int) { s.put(t, s.item(fmt.Sprint(i), "same")) })
	s.eventually(t, func() string {
		got, err := all(s.store.List(t.Context(), "index/"+s.ns, "same", "same"))
		must(t, err)
		ids := map[string]bool{}
		for _, item := range got {
			ids[item.Key.ID] = true
		}
		if len(got) != n || len(ids) != n {
			return fmt.Sprintf("%d items, %d of them different; want %d", len(got), len(ids), n)
		}
		return ""
	})
}

// listNested uses the store from within loops over lists: a store that keeps a
// connection for each loop runs out of them and hangs.
func listNested(t *testing.T, s *subject) {
	want := []ledger.Item{s.put(t, s.item("a", "1")), s.put(t, s.item("b", "2"))}
	s.listed(t, "", "", want...)
	s.race(func(int) {
		for outer, err := range s.store.List(t.Context(), "index/"+s.ns, "", "") {
			for inner, err2 := range s.store.List(t.Context(), "index/"+s.ns, "", "") {
				got, err3 := s.store.Get(t.Context(), inner.Key)
				if err := errors.Join(err, err2, err3); err != nil || got.Version == 0 || outer.Version == 0 {
					t.Errorf("nested list: version %d, %v", got.Version, err)
				}
				break
			}
		}
	})
}
