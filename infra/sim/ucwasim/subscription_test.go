package ucwasim_test

import (
	"testing"

	"dialtone/infra/sim/ucwasim"
)

func (s *session) people(rel string) string {
	s.t.Helper()
	target := href(s.app, at(s.root, "_embedded", "people"), rel)
	if target == "" {
		s.t.Fatalf("people has no %s", rel)
	}
	return target
}

const (
	subscription = "myContactsAndGroupsSubscription"
	startRel     = "startOrRefreshSubscriptionToContactsAndGroups"
	stopRel      = "stopSubscriptionToContactsAndGroups"
)

func (s *session) subscribe(body string) reply {
	s.t.Helper()
	got := s.doc(s.want(s.as("GET", s.people(subscription), ""), 200))
	return s.as("POST", href(s.app, got, startRel), body)
}

func TestSubscriptionFromStartToStop(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Events: ucwasim.ChannelConfig{ShortPolls: true}})
	s := r.signIn(user("01"))
	r.want(s.as("GET", s.people(subscription), ""), 200, `"state":"Disconnected"`)
	got := r.want(s.subscribe(`{"duration":30}`), 201, `"state":"Connecting"`, stopRel, startRel)
	stop := href(s.app, r.doc(got), stopRel)
	r.want(s.as("GET", s.people(subscription), ""), 200, `"state":"Connected"`)
	if err := r.AddContact(user("01"), ucwasim.Contact{URI: "sip:ada@contoso.test", Name: "Ada"}); err != nil {
		t.Fatal(err)
	}
	events := href(s.app, s.root, "events")
	body := r.doc(r.want(s.as("GET", events, ""), 200, `"type":"added"`, `"rel":"contact"`, `"rel":"defaultGroup"`))
	if got := r.doc(r.want(s.as("GET", href(s.app, body, "next")+"&timeout=0", ""), 200)); at(got, "sender") != nil {
		t.Errorf("events came twice: %v", got)
	}
	r.want(s.as("POST", stop, ""), 204)
	r.want(s.as("POST", stop, ""), 409, `"subcode":"None"`)
	r.want(s.as("GET", s.people(subscription), ""), 200, `"state":"Disconnected"`)
}
