package signin_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/signin"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// door is a source of tokens that answers as told and counts who knocks.
type door struct {
	err   error
	took  func()
	asked int
}

func (d *door) Token(context.Context, ucwa.TokenRequest) (ucwa.Token, error) {
	d.asked++
	if d.took != nil {
		d.took()
	}
	return ucwa.Token{Value: "a"}, d.err
}

func invalidGrant() error {
	return &ucwa.Error{Operation: "token", Status: 400, Code: "invalid_grant", Class: failure.Denied}
}

// secret is a fingerprint that can change.
type secret struct {
	print string
	err   error
}

func (s *secret) fingerprint(context.Context, sipaddr.User) (string, error) { return s.print, s.err }

func TestGuardLeavesRefusedCredentialsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, d, s := ledgertest.NewMemory(), &door{err: invalidGrant()}, &secret{print: "old"}
		token := func() error { // each time in a process of its own
			g := &signin.Guard{Source: d, Ledger: ledger.New(store, ledger.Options{}), Fingerprint: s.fingerprint}
			_, err := g.Token(t.Context(), ask("https://pool.contoso.test/t"))
			return err
		}
		for range 3 {
			if f := explain.Error(token()); f.Class != failure.Denied || f.Advice == "" {
				t.Fatalf("%+v", f)
			}
		}
		if d.asked != 1 {
			t.Fatalf("asked %d times, want 1: more can lock the account", d.asked)
		}
		time.Sleep(30*time.Minute - time.Second)
		if token(); d.asked != 1 {
			t.Errorf("asked again before the rest was over")
		}
		s.print = "new"
		if token(); d.asked != 2 {
			t.Errorf("the corrected secret was not tried")
		}
		s.print = "old"
		time.Sleep(30*time.Minute + time.Second)
		d.err = nil
		if err := token(); err != nil || d.asked != 3 {
			t.Errorf("after the rest: %v, asked %d times", err, d.asked)
		}
	})
}

func TestGuardTakesOnlyRefusalsForRefusals(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"server error":      &ucwa.Error{Operation: "token", Status: 500, Code: "server_error", Class: failure.Unavailable},
		"no answer":         &ucwa.Error{Operation: "token", Class: failure.Unavailable, Err: errors.New("reset")},
		"grant not offered": &ucwa.Error{Operation: "token", Class: failure.Denied, Err: ucwa.ErrGrantNotOffered},
		"grant off":         &ucwa.Error{Operation: "token", Status: 400, Code: "unsupported_grant_type", Class: failure.Denied},
		"anything else":     errors.New("boom"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, s := &door{err: err}, &secret{print: "x"}
			g := &signin.Guard{Source: d, Ledger: newLedger(), Fingerprint: s.fingerprint}
			for range 2 {
				if _, got := g.Token(t.Context(), ask("")); !errors.Is(got, err) {
					t.Errorf("got %v, want %v", got, err)
				}
			}
			if d.asked != 2 {
				t.Errorf("asked %d times, want 2", d.asked)
			}
		})
	}
}

// TestGuardRefusesForGoodWithoutALedger: when the refusal cannot be written
// down, the request must not come back and try the same password again.
func TestGuardRefusesForGoodWithoutALedger(t *testing.T) {
	t.Parallel()
	down := ledgertest.Around(ledgertest.NewMemory(), func(c ledgertest.Call, do func() error) error {
		if c.Op == "put" {
			return errors.New("no answer")
		}
		return do()
	})
	g := &signin.Guard{Source: &door{err: invalidGrant()}, Ledger: ledger.New(down, ledger.Options{}), Fingerprint: (&secret{print: "x"}).fingerprint}
	_, err := g.Token(t.Context(), ask(""))
	if f := explain.Error(err); f.Class != failure.Denied {
		t.Errorf("class %s: %v", f.Class, err)
	}
}

// TestGuardWritesDownWhatComesLate: the answer took all the time there was.
func TestGuardWritesDownWhatComesLate(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	d, l := &door{err: invalidGrant(), took: cancel}, newLedger()
	g := &signin.Guard{Source: d, Ledger: l, Fingerprint: (&secret{print: "x"}).fingerprint}
	_, _ = g.Token(ctx, ask(""))
	if _, refused, err := l.Refused(t.Context(), ada, "x"); err != nil || !refused {
		t.Errorf("not written down (%v)", err)
	}
}

func TestGuardAsksNobodyBlindly(t *testing.T) {
	t.Parallel()
	down := ledgertest.Around(ledgertest.NewMemory(), func(ledgertest.Call, func() error) error { return errors.New("no answer") })
	d := &door{}
	for name, g := range map[string]*signin.Guard{
		"no ledger": {Source: d, Ledger: ledger.New(down, ledger.Options{}), Fingerprint: (&secret{print: "x"}).fingerprint},
		"no secret": {Source: d, Ledger: newLedger(), Fingerprint: (&secret{err: errors.New("no answer")}).fingerprint},
	} {
		if _, err := g.Token(t.Context(), ask("")); err == nil || explain.Error(err).Class.Permanent() {
			t.Errorf("%s: %v, want an error that passes", name, err)
		}
	}
	if d.asked > 0 {
		t.Errorf("asked %d times", d.asked)
	}
}
