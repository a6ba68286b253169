package outcome_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/outcome"
)

var at = time.Date(2026, 11, 22, 10, 0, 0, 0, time.FixedZone("CET", 3600))

func TestRoundTrip(t *testing.T) {
	key := command.Key{Source: "hr", ID: "1"}
	in := outcome.New(outcome.TypeAssigned, key, "ada@contoso.test", at, outcome.Assigned{Request: key, Number: "+12056350001", Verified: outcome.ReadBack})
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out outcome.Event
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	a, err := out.Assigned()
	if err != nil || a.Number != "+12056350001" || a.Request != key {
		t.Errorf("assigned %+v, %v", a, err)
	}
	if _, err := out.Failed(); err == nil {
		t.Error("an assigned event decoded as a failure")
	}
}

func TestIDIsStableAndPerRequest(t *testing.T) {
	id := func(k command.Key, at time.Time) string {
		return outcome.New(outcome.TypeFailed, k, "", at, outcome.Failed{}).ID
	}
	k := command.Key{Source: "hr", ID: "1"}
	if id(k, at) != id(k, at.Add(time.Hour)) {
		t.Error("the id depends on the time")
	}
	if id(k, at) == id(command.Key{Source: "hr", ID: "2"}, at) {
		t.Error("two requests share an id")
	}
}

func TestFailureKeepsClassAndUpstream(t *testing.T) {
	c := command.Command{Key: command.Key{Source: "hr", ID: "1"}, Type: command.TypeAssign, User: "ada@contoso.test"}
	f, err := outcome.Failure(c, &failure.Error{
		Class: failure.Denied, Reason: "no", Advice: "ask", Upstream: &failure.Upstream{System: "ucwa", Status: 403},
	}, 2, at).Failed()
	if err != nil || f.Class != failure.Denied || f.Upstream.Status != 403 || f.Attempts != 2 || f.RequestType != command.TypeAssign {
		t.Errorf("failed %+v, %v", f, err)
	}
	if f, _ := outcome.Failure(c, errors.New("boom"), 1, at).Failed(); f.Class != failure.Unknown || f.Advice == "" {
		t.Errorf("untyped error became %+v", f)
	}
}
