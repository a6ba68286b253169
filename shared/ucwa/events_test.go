package ucwa_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ucwa"
)

// recorded answers an event request with a recorded document in the format that
// it asks for.
func (r *roster) recorded(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		contentType, ext := "application/json; charset=utf-8", ".json"
		if accept := req.Header.Get("Accept"); strings.Contains(accept, "xml") {
			if accept != "application/vnd.microsoft.com.ucwa+xml" {
				r.t.Errorf("asks for %s: that brings no events", accept)
			}
			contentType, ext = accept, ".xml"
		}
		body, err := os.ReadFile("testdata/events/" + name + ext)
		if err != nil {
			r.t.Error(err)
		}
		text(200, contentType, string(body))(w, nil)
	}
}

func (r *roster) place(query string) string { return r.URL + r.pool.app("/events?"+query) }

// TestPoll: what each recorded answer means.
func TestPoll(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]ucwa.Batch{
		"quiet": {Next: ucwa.Channel{Next: "ack=2"}},
		"changes": {Next: ucwa.Channel{Next: "ack=2&x=%7B%7d"}, Expiring: true, Events: []ucwa.Event{
			{Type: ucwa.Added, Rel: "contact", Href: "/ucwa/oauth/v1/applications/192837465564/people/282", In: "myContacts"},
			{Type: ucwa.Updated, Rel: "group", Href: "/ucwa/oauth/v1/applications/192837465564/groups/7"},
			{Type: ucwa.Deleted, Rel: "contact", Href: "/ucwa/oauth/v1/applications/192837465564/people/283", In: "group"},
		}},
		"strangers": {Next: ucwa.Channel{Next: "ack=2"}},
		"resume":    {Next: ucwa.Channel{Next: "ack=1&r=2", Fresh: true}, Reset: true},
		"resync":    {Next: ucwa.Channel{Next: "ack=7"}, Resynced: true},
	} {
		for _, format := range []ucwa.Format{ucwa.JSON, ucwa.XML} {
			r := newRoster(t, ucwa.Config{Format: format})
			r.answers["GET events"] = r.recorded(name)
			want.Next.Next = r.place(strings.TrimPrefix(want.Next.Next[strings.IndexByte(want.Next.Next, '?')+1:], "?"))
			got, err := r.app.Poll(t.Context(), ucwa.Channel{}, ucwa.PollOptions{})
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, format %d: %+v, %v\nwant %+v", name, format, got, err, want)
			}
		}
	}
}

// asked takes note of queries, of requests that nobody waits for any more too.
type asked struct {
	mu      sync.Mutex
	queries []string
}

// add returns how many there are with this one.
func (a *asked) add(r *http.Request) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queries = append(a.queries, r.URL.RawQuery)
	return len(a.queries)
}

func (a *asked) all() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.queries)
}

// TestPollTellsTimes: they go with the first request and after a reset, and what
// the server put into a URL stays as it is.
func TestPollTellsTimes(t *testing.T) {
	t.Parallel()
	r := newRoster(t, ucwa.Config{})
	answers := []string{"changes", "quiet", "resume", "quiet", "quiet"}
	var queries asked
	r.answers["GET events"] = func(w http.ResponseWriter, req *http.Request) {
		r.recorded(answers[queries.add(req)-1])(w, req)
	}
	opts := ucwa.PollOptions{Low: 1800 * time.Second, Medium: 5 * time.Second, Timeout: 180 * time.Second}
	var at ucwa.Channel
	for range answers {
		b, err := r.app.Poll(t.Context(), at, opts)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := json.Marshal(b.Next)
		if err != nil {
			t.Fatal(err)
		}
		if at = (ucwa.Channel{}); json.Unmarshal(kept, &at) != nil || at != b.Next {
			t.Errorf("%s is not what was kept of %+v", kept, b.Next)
		}
	}
	const times = "low=1800&medium=5&timeout=180"
	want := []string{"ack=1&" + times, "ack=2&x=%7B%7d", "ack=2", "ack=1&r=2&" + times, "ack=2"}
	if got := queries.all(); !reflect.DeepEqual(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
	answers = append(answers, "quiet")
	if _, err := r.app.Poll(t.Context(), ucwa.Channel{Next: r.place("low=5&ack=3&low=6&"), Fresh: true}, ucwa.PollOptions{Low: 7 * time.Second}); err != nil {
		t.Error(err)
	}
	if got := queries.all()[len(answers)-1]; got != "ack=3&low=7" {
		t.Errorf("asked %q: the times that are told replace others", got)
	}
}

func TestPollOptions(t *testing.T) {
	t.Parallel()
	r := newRoster(t, ucwa.Config{})
	_, err := r.app.Poll(t.Context(), ucwa.Channel{}, ucwa.PollOptions{Low: 4 * time.Second, Medium: 1801 * time.Second, Timeout: 180*time.Second + 1, Wait: -1})
	for _, says := range []string{"Low is 4s: give whole seconds from 5 to 1800", "Medium is 30m1s", "Timeout is 3m0.000000001s: give whole seconds from 180 to 1800", "Wait is"} {
		if e := ucwa.As(err); e == nil || e.Class != failure.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if calls := r.take(); calls != "" {
		t.Errorf("calls %s, want none", calls)
	}
}

// TestPollRepeats: what fails in passing is asked again at the same place.
func TestPollRepeats(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"reset": reset, "408": text(408, "application/json", `{"code":"ClientTimeout"}`), "500 page": text(500, "text/html", "<html>"),
		"503": text(503, "application/json", `{"code":"ServiceUnavailable"}`), "504": text(504, "application/json", `{"code":"Timeout"}`),
		"cut off": cutOff(200, "application/json", `{"_links":{"next":`), "502": text(502, "text/html", "<html>"),
	} {
		r := newRoster(t, ucwa.Config{})
		var queries asked
		r.answers["GET events"] = func(w http.ResponseWriter, req *http.Request) {
			if queries.add(req) < 3 {
				answer(w, req)
				return
			}
			r.recorded("quiet")(w, req)
		}
		b, err := r.app.Poll(t.Context(), ucwa.Channel{Next: r.place("ack=5")}, ucwa.PollOptions{})
		if err != nil || b.Next.Next != r.place("ack=2") || !reflect.DeepEqual(queries.all(), []string{"ack=5", "ack=5", "ack=5"}) {
			t.Errorf("%s: %+v, %v after %q", name, b, err, queries.all())
		}
	}
}

// TestPollIsReplaced: another reader is told at once, and not fought.
func TestPollIsReplaced(t *testing.T) {
	t.Parallel()
	r := newRoster(t, ucwa.Config{})
	r.answers["GET events"] = func(w http.ResponseWriter, req *http.Request) { reason(w, req, 409, "Conflict", "PGetReplaced") }
	_, err := r.app.Poll(t.Context(), ucwa.Channel{}, ucwa.PollOptions{})
	if e := ucwa.As(err); e == nil || e.Subcode != ucwa.PGetReplaced || e.Remedy != ucwa.Retry || r.count("GET events") != 1 {
		t.Errorf("%v after %d requests", err, r.count("GET events"))
	}
}

// TestPollWait: hanging up is no failure, a deadline and a dead host are.
func TestPollWait(t *testing.T) {
	t.Parallel()
	r := newRoster(t, ucwa.Config{CallTimeout: 20 * time.Millisecond}) // shorter than any wait for events
	at := ucwa.Channel{Next: r.place("ack=5"), Fresh: true}
	var answers atomic.Bool // those who hung up may still be served
	r.answers["GET events"] = func(w http.ResponseWriter, req *http.Request) {
		if answers.Load() {
			r.recorded("quiet")(w, req)
			return
		}
		hang(w, req)
	}
	b, err := r.app.Poll(t.Context(), at, ucwa.PollOptions{Wait: 100 * time.Millisecond})
	if err != nil || !b.Pending || b.Next != at {
		t.Errorf("hung up: %+v, %v, want the same place", b, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = r.app.Poll(ctx, at, ucwa.PollOptions{Wait: time.Hour})
	if e := ucwa.As(err); e == nil || e.Remedy != ucwa.Retry || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline of the caller: %v", err)
	}
	answers.Store(true)
	if b, err := r.app.Poll(t.Context(), at, ucwa.PollOptions{Wait: time.Hour}); err != nil || b.Pending || b.Next.Next != r.place("ack=2") {
		t.Errorf("answered in time: %+v, %v", b, err)
	}
}

// TestPollHangsUpItself: who watches the host sees a caller that gave up, not a
// host that did not answer in time.
func TestPollHangsUpItself(t *testing.T) {
	t.Parallel()
	watch := &watcher{ended: make(chan error, 1)}
	r := newRoster(t, ucwa.Config{HTTP: &http.Client{Transport: watch}})
	r.answers["GET events"] = hang
	if b, err := r.app.Poll(t.Context(), ucwa.Channel{}, ucwa.PollOptions{Wait: 30 * time.Millisecond}); err != nil || !b.Pending {
		t.Errorf("%+v, %v", b, err)
	}
	if err := <-watch.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the request ended with %v", err)
	}
}

// watcher is a transport that tells how the context of an event request ended.
type watcher struct{ ended chan error }

func (w *watcher) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if strings.HasSuffix(req.URL.Path, "/events") {
		w.ended <- req.Context().Err()
	}
	return resp, err
}

// TestPollWaitWithoutAConnection: a wait that ends before anything was sent
// proves nothing, and is a failure.
func TestPollWaitWithoutAConnection(t *testing.T) {
	t.Parallel()
	silent := &deaf{host: make(chan string, 1)}
	r := newRoster(t, ucwa.Config{HTTP: &http.Client{Transport: silent}})
	silent.host <- "events"
	_, err := r.app.Poll(t.Context(), ucwa.Channel{}, ucwa.PollOptions{Wait: 50 * time.Millisecond})
	if e := ucwa.As(err); e == nil || e.Class != failure.Unavailable || e.Remedy != ucwa.Retry {
		t.Errorf("%v, want a failure", err)
	}
}

// deaf is a transport that finds no connection for requests whose path ends as
// told.
type deaf struct{ host chan string }

func (d *deaf) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case suffix := <-d.host:
		d.host <- suffix
		if strings.HasSuffix(req.URL.Path, suffix) {
			trace(req).GetConn("dead")
			<-req.Context().Done()
			return nil, req.Context().Err()
		}
	default:
	}
	return http.DefaultTransport.RoundTrip(req)
}

// TestPollLostPlace: a place that is none, and an answer that leads nowhere.
func TestPollLostPlace(t *testing.T) {
	t.Parallel()
	r := newRoster(t, ucwa.Config{})
	for name, do := range map[string]func() error{
		"no place": func() error { return second(r.app.Poll(t.Context(), ucwa.Channel{Next: "data:x"}, ucwa.PollOptions{})) },
		"leads nowhere": func() error {
			r.answers["GET events"] = text(200, "application/json", `{"_links":{"self":{"href":"/x"}}}`)
			return second(r.app.Poll(t.Context(), ucwa.Channel{}, ucwa.PollOptions{}))
		},
		"leads away": func() error {
			r.answers["GET events"] = text(200, "application/json", `{"_links":{"next":{"href":"ftp://x/"}}}`)
			return second(r.app.Poll(t.Context(), ucwa.Channel{}, ucwa.PollOptions{}))
		},
	} {
		if e := ucwa.As(do()); e == nil || e.Class != failure.Unavailable || e.Remedy != ucwa.Refresh {
			t.Errorf("%s: %v, want to begin again", name, e)
		}
	}
	r.answers["GET events"] = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }
	if e := ucwa.As(second(r.app.Poll(t.Context(), ucwa.Channel{}, ucwa.PollOptions{}))); e == nil || e.Remedy != ucwa.Retry || !errors.Is(e, ucwa.ErrUnreadable) {
		t.Errorf("a page: %v", e)
	}
}
