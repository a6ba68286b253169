package ucwa_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ucwa"
)

// throughJSON is what another process reads of a value.
func throughJSON[T any](t *testing.T, v T) (T, string) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out T
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out, string(text)
}

// leave starts a subscription, polls once, and returns what is kept of it.
func (r *roster) leave() (ucwa.Kept, ucwa.SignIn) {
	r.t.Helper()
	r.answers["GET events"] = r.recorded("quiet")
	s, err := r.app.RefreshSubscription(r.t.Context(), r.read(), 30*time.Minute)
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := r.app.Poll(r.t.Context(), ucwa.Channel{}, ucwa.PollOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.take()
	k, _ := throughJSON(r.t, r.app.Keep(s, b.Next))
	in, _ := throughJSON(r.t, r.app.SignIn())
	return k, in
}

func (r *roster) resume(c *ucwa.Client, k ucwa.Kept, in ucwa.SignIn) *ucwa.Application {
	r.t.Helper()
	app, err := c.Resume(k, in)
	if err != nil {
		r.t.Fatalf("Resume: %v", err)
	}
	return app
}

// TestResume: another process goes on with two calls, a refresh and an event
// request, and has everything else too.
func TestResume(t *testing.T) {
	t.Parallel()
	eachRoster(t, func(t *testing.T, r *roster) {
		k, in := r.leave()
		format := ucwa.JSON
		if strings.HasPrefix(r.inputs[0], "<?xml") {
			format = ucwa.XML
		}
		app := r.resume(r.client(ucwa.Config{Format: format}), k, in)
		if err := app.CheckUser(); err != nil {
			t.Error(err)
		}
		s, err := app.RefreshSubscription(t.Context(), k.Subscription, 30*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		b, err := app.Poll(t.Context(), k.Channel, ucwa.PollOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := r.take(), startOrRefresh+" GET events"; got != want {
			t.Errorf("calls %s, want %s", got, want)
		}
		again := app.Keep(s, b.Next)
		again.Subscription.Expires = k.Subscription.Expires
		if !reflect.DeepEqual(again, k) || !reflect.DeepEqual(app.SignIn(), in) {
			t.Errorf("kept again: %+v %+v\nwas %+v %+v", again, app.SignIn().Token, k, in.Token)
		}
		if _, err := app.ContactList(t.Context()); err != nil {
			t.Errorf("ContactList: %v", err)
		}
		if phones, err := app.Phones(t.Context()); err != nil || len(phones) != 4 || app.Me().Name == "" {
			t.Errorf("Phones: %v, %v", phones, err)
		}
		if got, want := r.take(), "GET contacts GET groups GET groupMemberships application phones"; got != want {
			t.Errorf("calls %s, want %s", got, want)
		}
		if err := app.Close(t.Context()); err != nil || r.take() != "delete" {
			t.Errorf("Close: %v", err)
		}
	})
}

// TestKeptHasNoSecrets: the application can be stored as it is; the token is
// apart and prints as a placeholder.
func TestKeptHasNoSecrets(t *testing.T) {
	t.Parallel()
	r := newRoster(t, ucwa.Config{})
	k, in := r.leave()
	_, text := throughJSON(t, k)
	if strings.Contains(text, "cwt") || len(text) > 1500 {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	_, secret := throughJSON(t, in)
	if !strings.Contains(secret, "cwt=") || in.Host == "" || in.TokenURL == "" || len(in.GrantTypes) != 3 || in.Token.Expires.IsZero() {
		t.Errorf("the sign-in is not complete: %s", secret)
	}
	if printed := fmt.Sprintf("%v %+v %#v %s", in, in, in, in.LogValue()); regexp.MustCompile(`cwt|oauthtoken`).MatchString(printed) {
		t.Errorf("prints %s", printed)
	}
}

// TestResumeSignsInAnew: without the token that was kept, with one that has ended
// and with one that the server refuses, the application goes on: it outlives its
// tokens (UCWA 2.0: Me dashboard).
func TestResumeSignsInAnew(t *testing.T) {
	t.Parallel()
	const refresh = " " + startOrRefresh
	probe := strings.Replace(startOrRefresh, "POST", "GET", 1) // asks how to sign in
	for name, c := range map[string]struct {
		change func(r *roster, in *ucwa.SignIn)
		calls  string
	}{
		"no sign-in":    {func(_ *roster, in *ucwa.SignIn) { *in = ucwa.SignIn{} }, probe + " token" + refresh},
		"another pool":  {func(_ *roster, in *ucwa.SignIn) { in.Host = "fe9.contoso.test" }, probe + " token" + refresh},
		"bad endpoint":  {func(_ *roster, in *ucwa.SignIn) { in.TokenURL = "http://fe9.contoso.test/" }, probe + " token" + refresh},
		"ended":         {func(_ *roster, in *ucwa.SignIn) { in.Token.Expires = time.Now().Add(-time.Second) }, "token" + refresh},
		"revoked":       {func(r *roster, in *ucwa.SignIn) { r.revoked[in.Token.Value] = true }, startOrRefresh + " token" + refresh},
		"modern only":   {func(_ *roster, in *ucwa.SignIn) { in.TokenURL, in.AuthorizationURI = "", "https://login.example.test/" }, startOrRefresh},
		"not sendable":  {func(_ *roster, in *ucwa.SignIn) { in.Token.Value = "a\nb" }, probe + " token" + refresh},
		"end not known": {func(_ *roster, in *ucwa.SignIn) { in.Token.Expires = time.Time{} }, startOrRefresh},
	} {
		r := newRoster(t, ucwa.Config{})
		r.answers[startOrRefresh] = func(w http.ResponseWriter, req *http.Request) {
			if !r.authorized(req) {
				r.challenge(w)
				return
			}
			r.write(w, req, 201, r.subscription("Connecting"))
		}
		k, in := r.leave()
		old := in.Token
		c.change(r, &in)
		app := r.resume(r.client(ucwa.Config{}), k, in)
		if _, err := app.RefreshSubscription(t.Context(), k.Subscription, 30*time.Minute); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := r.take(); got != c.calls {
			t.Errorf("%s: calls %s, want %s", name, got, c.calls)
		}
		if now := app.SignIn(); strings.Contains(c.calls, "token") == (now.Token.Value == old.Value) || now.Token.Value == "" || r.count("create") != 0 {
			t.Errorf("%s: %d applications were created, token renewed: %t", name, r.count("create"), now.Token.Value != old.Value)
		}
	}
}

// TestResumeKeepsANewerSignIn: what a client has learned since is not replaced by
// what was kept before.
func TestResumeKeepsANewerSignIn(t *testing.T) {
	t.Parallel()
	r := newRoster(t, ucwa.Config{})
	k, old := r.leave()
	client := r.client(ucwa.Config{})
	r.open(client)
	if now := r.resume(client, k, old).SignIn(); now.Token.Value == old.Token.Value || now.Token.Value == "" {
		t.Error("the older token came back")
	}
}

// TestResumeAfterTheEnd: the application is gone, or its user has moved to another
// pool. Open makes a new one where the user is now.
func TestResumeAfterTheEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		remedy ucwa.Remedy
		calls  string // of Open
	}{
		"gone": {func(w http.ResponseWriter, req *http.Request) { reason(w, req, 404, "NotFound", "ApplicationNotFound") }, ucwa.Recreate, "create"},
		"expired": {func(w http.ResponseWriter, req *http.Request) {
			reason(w, req, 410, "Gone", "InactiveApplicationExpired")
		}, ucwa.Recreate, "create"},
		"moved": {func(w http.ResponseWriter, req *http.Request) { reason(w, req, 410, "Gone", "CannotRedirect") }, ucwa.Rediscover, "root user create"},
		"dead":  {reset, ucwa.Retry, "root user create"},
	} {
		r := newRoster(t, ucwa.Config{})
		k, in := r.leave()
		r.answers[startOrRefresh], r.answers["application"] = c.answer, c.answer
		client := r.client(ucwa.Config{})
		app := r.resume(client, k, in)
		_, err := app.RefreshSubscription(t.Context(), k.Subscription, 30*time.Minute)
		if e := ucwa.As(err); e == nil || e.Class != failure.Unavailable || e.Remedy != c.remedy {
			t.Errorf("%s: %v, want %s", name, err, c.remedy)
		}
		r.take()
		if _, err := client.Open(t.Context(), ada); err != nil {
			t.Errorf("%s: Open: %v", name, err)
		}
		if got := r.take(); got != c.calls {
			t.Errorf("%s: Open calls %s, want %s", name, got, c.calls)
		}
		if r.inputs[0] == "" || r.inputs[0] != r.inputs[len(r.inputs)-1] {
			t.Errorf("%s: applications inputs differ: %s", name, r.inputs)
		}
	}
}

// TestResumeWithoutPeople: an application that was kept before its people were
// known is read when they are needed.
func TestResumeWithoutPeople(t *testing.T) {
	t.Parallel()
	r := newRoster(t, ucwa.Config{})
	k, in := r.leave()
	k.People = nil
	app := r.resume(r.client(ucwa.Config{}), k, in)
	if _, err := app.ContactsSubscription(t.Context()); err != nil {
		t.Error(err)
	}
	if got := r.take(); got != "application "+getSubscription {
		t.Errorf("calls %s", got)
	}
	k.Channel = ucwa.Channel{}
	if _, err := r.resume(r.client(ucwa.Config{}), k, in).Poll(t.Context(), k.Channel, ucwa.PollOptions{}); err != nil || r.take() != "application GET events" {
		t.Errorf("from the beginning: %v", err)
	}
}

// TestResumeRefusesWhatWasNotKept: all problems at once, with the way on.
func TestResumeRefusesWhatWasNotKept(t *testing.T) {
	t.Parallel()
	r := newRoster(t, ucwa.Config{})
	_, err := r.client(ucwa.Config{}).Resume(ucwa.Kept{Applications: "http://fe1.contoso.test/", Application: "/relative"}, ucwa.SignIn{})
	for _, says := range []string{"applications: uses plain http", "application: href", "user is empty"} {
		if e := ucwa.As(err); e == nil || e.Remedy != ucwa.Recreate || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
