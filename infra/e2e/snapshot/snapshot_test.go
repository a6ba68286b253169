package snapshot_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"dialtone/infra/e2e/snapshot"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

const (
	ada = sipaddr.User("ada@contoso.test")
	bob = sipaddr.User("bob@contoso.test")
)

// run is what two people and a number each leave behind, at a time.
func run(at time.Time, first, second e164.Number, queue string) snapshot.Snapshot {
	line := func(n e164.Number) ledger.Line {
		return ledger.Line{State: ledger.LineAssigned, Number: n, LocationID: "l", Since: at, Tracking: []string{at.String()}}
	}
	key := command.Key{Source: "hr", ID: "1"}
	o := outcome.New(outcome.TypeAssigned, key, ada, at, outcome.Assigned{Request: key, User: ada, Number: first, After: outcome.Phone{Number: "tel:" + string(first)}})
	return snapshot.Snapshot{
		Requests: []ledger.Request{{Key: key, User: ada, State: ledger.Done, Lease: at.String(), Attempts: 1, Received: at, Outcome: &o}},
		People: []ledger.Person{
			{User: ada, Lines: map[command.PhoneType]ledger.Line{command.Work: line(first)}},
			{User: bob, Lines: map[command.PhoneType]ledger.Line{command.Mobile: line(second)}},
		},
		Numbers: []ledger.Number{
			{Number: first, LocationID: "l", State: ledger.Assigned, User: ada, PhoneType: command.Work, Since: at},
			{Number: second, LocationID: "l", State: ledger.Assigned, User: bob, PhoneType: command.Mobile, Since: at},
		},
		Pools:       []ledger.Pool{{LocationID: "l", Since: at}},
		DeadLetters: []ledger.DeadLetter{{Request: key, User: bob, Queue: queue, Body: "{}", At: at}},
	}
}

func canonical(t *testing.T, s snapshot.Snapshot, r snapshot.Rules) map[string][]string {
	t.Helper()
	got, err := s.Canonical(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Two runs of a scenario are the same; one with any other end is not.
func TestCanonical(t *testing.T) {
	t.Parallel()
	rules := snapshot.Rules{Rename: map[string]string{"dialtone-numbers": "numbers"}}
	one := run(time.Unix(1, 0).UTC(), "+4940000000001", "+4940000000002", "numbers.fifo")
	two := run(time.Unix(2, 5).UTC(), "+4940000000008", "+4940000000007", "dialtone-numbers.fifo")
	one.Requests[0].Problem = "denied: GET http://127.0.0.1:35655/ucwa/applications/7092/me: status 403"
	want := canonical(t, one, rules)
	two.Requests[0].Problem = "denied: GET http://127.0.0.1:38687/ucwa/applications/6992/me: status 403"
	two.Numbers = append(two.Numbers, ledger.Number{Number: "+4940000000001", LocationID: "l", State: ledger.Free})
	if got := canonical(t, two, rules); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
	for what, change := range map[string]func(*snapshot.Snapshot){
		"number of somebody else": func(s *snapshot.Snapshot) { s.Numbers[0].User = bob },
		"state":                   func(s *snapshot.Snapshot) { s.Requests[0].State = ledger.Failed },
		"attempts":                func(s *snapshot.Snapshot) { s.Requests[0].Attempts = 2 },
		"problem":                 func(s *snapshot.Snapshot) { s.Requests[0].Problem = "denied: GET http://127.0.0.1:1/: status 404" },
		"body":                    func(s *snapshot.Snapshot) { s.DeadLetters[0].Body = "" },
		"one less":                func(s *snapshot.Snapshot) { s.People = s.People[:1] },
		"outcome's number": func(s *snapshot.Snapshot) {
			s.Requests = run(time.Unix(3, 0), "+4940000000002", "", "").Requests
		},
	} {
		changed := run(time.Unix(1, 0).UTC(), "+4940000000001", "+4940000000002", "numbers.fifo")
		changed.Requests[0].Problem = one.Requests[0].Problem
		change(&changed)
		if reflect.DeepEqual(canonical(t, changed, rules), want) {
			t.Errorf("another %s makes no difference", what)
		}
	}
}

// Those who may have changed places count by what they have.
func TestAlike(t *testing.T) {
	t.Parallel()
	rules := snapshot.Rules{Alike: map[sipaddr.User]string{ada: "hire", bob: "hire"}}
	entries := canonical(t, run(time.Unix(1, 0), "+4940000000001", "+4940000000002", "q"), rules)
	for kind, n := range map[string]int{"people": 1, "numbers": 1} {
		if got := len(slices.Compact(slices.Clone(entries[kind]))); got != n {
			t.Errorf("%d different %s of people who are alike: %v", got, kind, entries[kind])
		}
	}
	if got := slices.Sorted(maps.Keys(entries)); !slices.Equal(got, []string{"deadLetters", "numbers", "people", "pools", "requests"}) {
		t.Errorf("kinds are %v", got)
	}
}
