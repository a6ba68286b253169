package queuetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	names := Names()
	slices.Sort(names)
	if distinct := slices.Compact(slices.Clone(names)); len(distinct) != len(names) || len(names) < 60 {
		t.Errorf("%d names, %d distinct", len(names), len(distinct))
	}
}

// What a row complains about must reach the verdict, however it ends.
func TestRecord(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		run  func(r *recorder)
		want []string
	}{
		"pass":         {func(*recorder) {}, nil},
		"error":        {func(r *recorder) { r.Errorf("one"); r.Error("two") }, []string{"one", "two"}},
		"fatal":        {func(r *recorder) { r.Fatalf("end"); r.Error("not reached") }, []string{"end"}},
		"fail":         {func(r *recorder) { r.Fail() }, []string{"failed"}},
		"wrong bodies": {func(r *recorder) { r.want([]Received{{Body: "a"}, {Body: "b"}}, "b", "a") }, []string{`received "a b", want "b a"`}},
		"not refused":  {func(r *recorder) { r.refused("it", nil, "Code") }, []string{"it was accepted"}},
		"other code":   {func(r *recorder) { r.refused("it", errors.New("x"), "Code") }, []string{`code "Other"`}},
		"right code":   {func(r *recorder) { r.refused("it", errors.New("x"), "Code", "Other") }, nil},
		"early":        {func(r *recorder) { r.near("it", 0, 1e9) }, []string{"it after 0s, want 1s"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Subject{Open: func(testing.TB) Broker { return nil }, Code: func(error) string { return "Other" }}
			got := record(t, s, row{run: test.run})
			if len(got) != len(test.want) {
				t.Fatalf("recorded %q, want %q", got, test.want)
			}
			for i, want := range test.want {
				if !strings.Contains(got[i], want) || !strings.Contains(got[i], ".go:") {
					t.Errorf("recorded %q, want %q with its line", got[i], want)
				}
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	if errs, note := verdict([]string{"bad"}, false, ""); len(errs) != 1 || note != "" {
		t.Errorf("an unknown fault: %q %q", errs, note)
	}
	if errs, note := verdict([]string{"bad"}, true, "issue 7"); len(errs) != 0 || !strings.Contains(note, "KNOWN WRONG: issue 7") || !strings.Contains(note, "bad") {
		t.Errorf("a known fault: %q %q", errs, note)
	}
	if errs, _ := verdict(nil, true, "issue 7"); len(errs) != 1 || !strings.Contains(errs[0], "take it off") {
		t.Errorf("a fault that is gone: %q", errs)
	}
	if errs, note := verdict(nil, false, ""); len(errs) != 0 || note != "" {
		t.Errorf("a pass: %q %q", errs, note)
	}
}
