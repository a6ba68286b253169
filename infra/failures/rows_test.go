package failures_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/deadletters"
	"dialtone/infra/failures"
	"dialtone/infra/sim/simkit"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/sqlitefile"
)

const (
	person = "user00001@contoso.test"
	target = "tel:+14255550199"

	// backoff is the most that comes on top of a wait after the first receive, but
	// for the quarter by which those who met a pause are spread.
	backoff = 5 * time.Second
)

// TestRows plays each row: the answer comes one time, and each time; to each of
// the commands; in JSON and XML. It is held against the row how the delivery
// ends, how many calls the vendor got, and what people read. Whatever happens,
// nobody is changed twice, no number is lost or shared, and when the vendor is
// well again the command succeeds.
//
// A section is one bubble with one file, since opening one takes longer than a
// case; each case has vendors, handlers and a ledger of its own.
func TestRows(t *testing.T) {
	for _, s := range failures.Sections() {
		t.Run(s.Title, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				file := openFile(t)
				defer file.Close()
				for _, r := range s.Rows {
					for _, c := range cases(s, r) {
						c.play(named{t, c.String()}, file)
					}
				}
			})
		})
	}
}

// named says of which case an error is.
type named struct {
	*testing.T
	name string
}

// Errorf implements [testing.TB].
func (n named) Errorf(format string, args ...any) {
	n.Helper()
	n.T.Errorf(n.name+": "+format, args...)
}

// Fatalf implements [testing.TB].
func (n named) Fatalf(format string, args ...any) {
	n.Helper()
	n.T.Fatalf(n.name+": "+format, args...)
}

// scene is one way to meet a row.
type scene struct {
	row     failures.Row
	command failures.Command
	once    bool
	xml     bool
}

func (c scene) String() string {
	name := fmt.Sprintf("%s answers %s to %s after %d", c.row.Call, c.row.Name(), c.command, c.row.After)
	if c.once {
		name += ", once"
	}
	if c.xml {
		name += ", xml"
	}
	return name
}

func (c scene) queue() string { return command.QueueOf(typeOf(c.command)) }

func (c scene) want() failures.End {
	if c.once {
		return c.row.Once
	}
	return c.row.Lasting
}

// cases leaves out an answer that comes once and ends as if it came each time:
// a second call is not made.
func cases(s failures.Section, r failures.Row) (all []scene) {
	for i, name := range s.Commands {
		if i > 0 && !thorough {
			break
		}
		all = append(all, scene{row: r, command: name})
		if r.Once != r.Lasting && (!raced || thorough || visible(r)) {
			all = append(all, scene{row: r, command: name, once: true})
		}
		if thorough && r.InXML() {
			all = append(all, scene{row: r, command: name, xml: true})
		}
	}
	return all
}

// visible reports whether the call changes what the user sees.
func visible(r failures.Row) bool {
	return r.Call == "changeNumber" || r.Call == "simultaneousRingToContact"
}

func (c scene) play(t testing.TB, file *sqlitefile.File) {
	t.Helper()
	w := newWorld(t, file, c.row, c.queue())
	defer w.stop()
	w.network.xml = c.xml
	p := w.prepare(t, c)
	w.fault(t, c.row, c.once)
	if c.row.Call == "applications" && c.row.Answer.Apply {
		p.untold = 1
	}
	key := w.send(t, p.body)
	got := <-w.ends
	w.settled()
	c.checkEnd(t, w, p, key, got)
	w.heal(t)
	p.untold = 0
	if c.row.Answer.Code == "invalid_grant" {
		w.later(t, 31*time.Minute) // refused credentials rest
	}
	if c.want().Kind == failures.Refused {
		w.replay(t, key)
	}
	if c.want().Kind != failures.Done {
		w.succeeds(t, key)
	}
	p.checkDone(t, w)
	w.checkQueues(t)
}

func (c scene) checkEnd(t testing.TB, w *world, p play, key command.Key, got end) {
	t.Helper()
	want := c.want()
	r, _, err := w.Ledger.Request(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	kind := map[ledger.RequestState]failures.Kind{ledger.Done: failures.Done, ledger.Failed: failures.Refused}[r.State]
	if got.back {
		kind = failures.Waits
	}
	if kind != want.Kind {
		t.Fatalf("ends as %q, want %q: %s", kind, want.Kind, r.Problem)
	}
	if calls := w.calls(c.row); calls != want.Calls {
		t.Errorf("%d calls, want %d", calls, want.Calls)
	}
	switch kind {
	case failures.Done:
		c.checkLeft(t, *r.Outcome)
		p.checkDone(t, w)
	case failures.Waits:
		if most := want.Wait*5/4 + backoff; got.wait < want.Wait || got.wait > most {
			t.Errorf("waits %s, want %s to %s", got.wait, want.Wait, most)
		}
		c.checkWords(t, c.read(r.Problem, w.advice()))
		p.checkWaiting(t, w)
	case failures.Refused:
		f, err := r.Outcome.Failed()
		if err != nil {
			t.Fatal(err)
		}
		c.checkWords(t, failures.Words{Class: f.Class, Reason: f.Reason, Advice: f.Advice})
		c.checkUpstream(t, f)
		p.checkRefused(t, w)
	}
}

func (c scene) checkWords(t testing.TB, got failures.Words) {
	t.Helper()
	got.Reason, got.Advice = timeless(got.Reason), timeless(got.Advice)
	if got != c.row.Words {
		t.Errorf("says\n%s: %s\n%s\nwant\n%s: %s\n%s", got.Class, got.Reason, got.Advice, c.row.Words.Class, c.row.Words.Reason, c.row.Words.Advice)
	}
}

// timeless puts words for the host and the times of this case.
func timeless(s string) string {
	s = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(s, "<host>")
	return regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`).ReplaceAllString(s, "<time>")
}

// read takes the words of the row for those on record that begin with them.
func (c scene) read(problem, advice string) failures.Words {
	said := c.row.Words
	said.Advice = advice
	if rest, same := strings.CutPrefix(timeless(problem), fmt.Sprintf("%s: %s", said.Class, said.Reason)); !same || rest != "" && rest[0] != ':' {
		class, reason, _ := strings.Cut(problem, ": ")
		said.Class, said.Reason = failure.Class(class), reason
	}
	return said
}

// checkLeft wants the outcome of a command that is done to say what is not as
// it was before dialtone.
func (c scene) checkLeft(t testing.TB, o outcome.Event) {
	t.Helper()
	if c.command != failures.Disable {
		return
	}
	d, err := o.SimRingDisabled()
	if err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(d.NotRestored, "; "); said != c.row.Left {
		t.Errorf("not restored: %q, want %q", said, c.row.Left)
	}
}

// checkUpstream wants what the vendor said in the outcome, for its support.
func (c scene) checkUpstream(t testing.TB, f outcome.Failed) {
	t.Helper()
	a := c.row.Answer
	if c.row.Words.Class == failure.Conflict && f.Upstream == nil || a.Status/100 == 3 {
		return // it sums up several refusals, or is the client's own
	}
	if a.Status != 0 && (f.Upstream == nil || f.Upstream.Status != a.Status) {
		t.Errorf("upstream is %+v, want status %d", f.Upstream, a.Status)
	}
	if a.Subcode != "" && (f.Upstream == nil || f.Upstream.Subcode != a.Subcode) {
		t.Errorf("upstream is %+v, want subcode %s", f.Upstream, a.Subcode)
	}
}

// fault scripts the answer of the row.
func (w *world) fault(t testing.TB, r failures.Row, once bool) {
	t.Helper()
	f := r.Answer
	f.Operation, f.After = r.Call, r.After
	if once {
		f.Times = 1
	}
	faults := []simkit.Fault{f}
	if r.Instead != "" {
		faults = append(faults, simkit.Fault{Operation: r.Instead, Status: 403, Code: "Forbidden", Subcode: "None"})
	}
	if _, err := w.script(r).Add(faults...); err != nil {
		t.Fatal(err)
	}
}

func (w *world) script(r failures.Row) *simkit.Script {
	if r.Webex() {
		return w.webex.Script()
	}
	return w.skype.Script()
}

func (w *world) calls(r failures.Row) int { return w.script(r).Counts()[r.Call] }

// heal ends the trouble. What was asked to rest, rests.
func (w *world) heal(t testing.TB) {
	t.Helper()
	w.skype.Script().Clear()
	w.webex.Script().Clear()
	w.secrets.authorise(authorisedAgain(), time.Now().Add(100*24*time.Hour))
}

// replay is what an operator does when the cause is removed.
func (w *world) replay(t testing.TB, key command.Key) {
	t.Helper()
	letter, found, err := w.Ledger.DeadLetter(t.Context(), key)
	if err != nil || !found {
		t.Fatalf("dead letter: %v, found %v", err, found)
	}
	bench := deadletters.Bench{Ledger: w.Ledger, Queues: w, By: "operator"}
	if err := bench.Replay(t.Context(), letter, "the cause is removed"); err != nil {
		t.Fatal(err)
	}
}

// advice is what the log said to do about the message that comes back.
func (w *world) advice() (last string) {
	for line := range strings.Lines(w.logs.String()) {
		var l struct{ Msg, Advice string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "message comes back" {
			last = l.Advice
		}
	}
	return last
}
