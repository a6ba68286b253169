package ucwasim_test

import (
	"strings"
	"testing"

	"dialtone/infra/sim/ucwasim"
)

func TestPublishANumber(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	phones := href(s.app, at(s.root, "_embedded", "me"), "phones")
	list := at(r.doc(r.want(s.as("GET", phones, ""), 200)), "_embedded", "phone").([]any)
	var types []string
	for _, p := range list {
		types = append(types, at(p, "type").(string))
	}
	if got := strings.Join(types, " "); got != "work mobile home other" {
		t.Fatalf("phones are %s", got)
	}
	work := list[0]
	r.want(s.as("POST", href(s.app, work, "changeNumber"), `{"number":"+1 (425) 555-1234","includeInContactCard":true}`), 204)
	self := href(s.app, work, "self")
	r.want(s.as("GET", self, ""), 200, `"number":"tel:+14255551234"`, `"includeInContactCard":true`)
	r.want(s.as("DELETE", s.app, ""), 204)
	st, _ := r.User(user("01"))
	if st.ChangeCount != 1 || st.Changes[0].New != (ucwasim.Phone{Number: "tel:+14255551234", IncludeInContactCard: true}) {
		t.Errorf("got changes %+v", st.Changes)
	}
	if a := st.Applications; a.Created != 1 || a.Deleted != 1 || a.Running != 0 || a.Leaked() != 0 {
		t.Errorf("got applications %+v", a)
	}
}
