package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

// RequestState says where a request stands.
type RequestState string

// The states of a request. Done and Failed are final; see [Ledger.Reopen].
const (
	Running RequestState = "running" // a worker holds the lease
	Waiting RequestState = "waiting" // handed back, on its queue
	Done    RequestState = "done"
	Failed  RequestState = "failed"
)

// Request is the record of one request. Fence counts the leases given out; a
// worker may write its result only while the fence is still its own.
type Request struct {
	Key         command.Key    `json:"key"`
	Type        string         `json:"type,omitempty"`
	User        sipaddr.User   `json:"user,omitempty"`
	Fingerprint string         `json:"fingerprint,omitempty"` // of type and data
	State       RequestState   `json:"state"`
	Owner       string         `json:"owner,omitempty"`
	LeaseUntil  time.Time      `json:"leaseUntil,omitzero"`
	Fence       int64          `json:"fence"`
	Lease       string         `json:"lease,omitempty"`   // random, new with each lease
	Attempts    int            `json:"attempts"`          // leases that began
	Lost        int            `json:"lost,omitempty"`    // leases that ended without a word: crashes
	Problem     string         `json:"problem,omitempty"` // why it waits
	Tries       Tries          `json:"tries,omitzero"`    // those that led to no end
	Received    time.Time      `json:"received"`
	Updated     time.Time      `json:"updated"`
	Expires     time.Time      `json:"expires,omitzero"`
	Outcome     *outcome.Event `json:"outcome,omitempty"` // once Done or Failed
	FailedAt    time.Time      `json:"failedAt,omitzero"` // time of the last failure that was reopened
}

func requestKey(k command.Key) Key { return Key{KindRequest, k.Hash()} }

// item puts a request in the list of its user; one that is about nobody, or
// about many, is in none.
func (r Request) item() Item {
	i := Item{Key: requestKey(r.Key), Expires: r.Expires}
	if r.User != "" {
		i.Index, i.Sort = "user/"+string(r.User), r.Received.UTC().Format(sortableTime)+"/"+r.Key.Hash()[:16]
	}
	return i
}

// sortableTime has a fixed width, so that text order is time order.
const sortableTime = "2006-01-02T15:04:05.000000000Z"

// BusyError reports that another worker holds the request's lease.
type BusyError struct{ Until time.Time }

// Error names the time at which the lease ends.
func (e *BusyError) Error() string {
	return "ledger: request is being worked on until " + e.Until.UTC().Format(time.RFC3339)
}

// ErrMismatch reports that a request key was used before for another message.
var ErrMismatch = errors.New("ledger: the request key belongs to another message")

// ErrFenced reports that the caller's lease or pin was taken over: whoever holds
// it now finishes the work, and the caller must not write.
var ErrFenced = errors.New("ledger: fenced off")

// Lease is the right to work on a request until a time.
type Lease struct{ at record[Request] }

// Key returns the request's key.
func (l *Lease) Key() command.Key { return l.at.state.Key }

// Fence returns the lease's place among all leases of the request, from 1. What
// is written under a lower fence comes late.
func (l *Lease) Fence() int64 { return l.at.state.Fence }

// Until returns the end of the lease. Every call to a vendor must end before it.
func (l *Lease) Until() time.Time { return l.at.state.LeaseUntil }

// Attempts counts the leases given out for the request, this one included.
func (l *Lease) Attempts() int { return l.at.state.Attempts }

// Begin starts or resumes work on a command, with a lease until the given time.
// If the request is finished already, finished is its recorded outcome and the
// lease is nil: a duplicate is an answer, not an error.
// Errors: [*BusyError], [ErrMismatch], or the store's.
func (l *Ledger) Begin(ctx context.Context, c command.Command, until time.Time) (lease *Lease, finished *outcome.Event, err error) {
	want := Request{Key: c.Key, Type: c.Type, User: c.User, Fingerprint: fingerprint(c), Owner: l.owner, LeaseUntil: until.UTC()}
	want.Lease = rand.Text() // two workers never write the same bytes, so neither takes the other's write for its own
	r, err := change(ctx, l, requestKey(c.Key), record[Request]{}, func(r Request) (Request, error) {
		return r.begin(want, l.exclusive, time.Now())
	})
	switch {
	case errors.Is(err, errFinished):
		return nil, r.state.Outcome, nil
	case err != nil:
		return nil, nil, err
	}
	return &Lease{at: r}, nil, nil
}

// Yield hands the request back: it waits on its queue for the next delivery.
// problem says why, for operators.
func (l *Ledger) Yield(ctx context.Context, lease *Lease, problem string) error {
	return l.move(ctx, lease, func(r Request, now time.Time) Request {
		r.Tries = r.yielded(problem, now)
		r.State, r.Problem = Waiting, problem
		return r.unleased()
	})
}

// Finish records a success. It fails with [ErrFenced] when the lease was taken over.
func (l *Ledger) Finish(ctx context.Context, lease *Lease, o outcome.Event) error {
	return l.move(ctx, lease, func(r Request, now time.Time) Request {
		return r.finished(Done, o, now.Add(l.retention))
	})
}

func (l *Ledger) move(ctx context.Context, lease *Lease, step func(Request, time.Time) Request) error {
	fence := lease.at.state.Fence
	r, err := change(ctx, l, requestKey(lease.Key()), lease.at, func(r Request) (Request, error) {
		if r.State != Running || r.Fence != fence {
			return r, ErrFenced
		}
		now := time.Now().UTC()
		r = step(r, now)
		r.Updated = now
		return r, nil
	})
	if err == nil {
		lease.at = r
	}
	return err
}

// Fail records a failure for a request that nobody works on any more; of a
// message that cannot be read, c has only its Key. A request that is finished
// already stays as it is.
// Errors: [ErrMismatch] when the request began with another message, which may
// yet succeed; [*BusyError] while a worker holds the lease; or the store's.
func (l *Ledger) Fail(ctx context.Context, c command.Command, o outcome.Event) error {
	_, err := change(ctx, l, requestKey(c.Key), record[Request]{}, func(r Request) (Request, error) {
		now := time.Now().UTC()
		if r.Fingerprint != "" && r.Fingerprint != fingerprint(c) {
			return r, fmt.Errorf("%w: %s", ErrMismatch, r.Type)
		}
		if r.State == Running && !r.abandoned(l.owner, l.exclusive, now) {
			return r, &BusyError{Until: r.LeaseUntil}
		}
		return r.failed(c, o, now, l.retention)
	})
	return err
}

// Reopen lets a failed request be worked on again, under the same key, when an
// operator replays it. failed is the time of the failure that the operator saw;
// fixed reports that the data was edited. A request that is not failed stays as
// it is, and so does one that has failed again since: it answers to another
// dead letter.
func (l *Ledger) Reopen(ctx context.Context, key command.Key, failed time.Time, fixed bool) error {
	_, err := change(ctx, l, requestKey(key), record[Request]{}, func(r Request) (Request, error) {
		if r.State == Failed && r.Outcome.Time.After(failed) {
			return r, errUnchanged
		}
		return r.reopened(fixed, time.Now().UTC())
	})
	return err
}

// Request reads one request; found is false if the ledger does not know it.
func (l *Ledger) Request(ctx context.Context, key command.Key) (r Request, found bool, err error) {
	rec, err := read[Request](ctx, l, requestKey(key))
	return rec.state, rec.version > 0, err
}

// Requests yields the requests of a user, oldest first.
func (l *Ledger) Requests(ctx context.Context, user sipaddr.User) iter.Seq2[Request, error] {
	return list[Request](ctx, l, "user/"+string(user), "", "")
}

var errFinished = errors.New("finished")

// begin is the transition of Begin. want carries the identity and the lease.
func (r Request) begin(want Request, exclusive bool, now time.Time) (Request, error) {
	if r.State != "" && r.Fingerprint != "" && r.Fingerprint != want.Fingerprint {
		return r, fmt.Errorf("%w: %s", ErrMismatch, r.Type)
	}
	switch r.State {
	case Done, Failed:
		return r, errFinished
	case Running:
		if !r.abandoned(want.Owner, exclusive, now) {
			return r, &BusyError{Until: r.LeaseUntil}
		}
		r.Tries = r.died()
		r.Lost++
	case "":
		r.Key, r.Received = want.Key, now.UTC()
	}
	r.Type, r.User, r.Fingerprint = want.Type, want.User, want.Fingerprint
	r.Owner, r.Lease, r.LeaseUntil = want.Owner, want.Lease, want.LeaseUntil
	r.State, r.Problem, r.Updated = Running, "", now.UTC()
	r.Fence++
	r.Attempts++
	return r, nil
}

// failed is the transition of Fail for a request that nobody works on.
func (r Request) failed(c command.Command, o outcome.Event, now time.Time, retention time.Duration) (Request, error) {
	switch r.State {
	case Done, Failed:
		return r, errUnchanged
	case "":
		r = Request{Key: c.Key, Type: c.Type, User: c.User, Received: now}
	case Running:
		r.Tries = r.died()
	}
	if !r.FailedAt.IsZero() && !o.Time.After(r.FailedAt) { // clocks differ, and the later of two failures must be known by its time
		o.Time = r.FailedAt.Add(time.Millisecond)
	}
	r = r.finished(Failed, o, now.Add(retention))
	r.Updated = now
	return r, nil
}

func (r Request) reopened(fixed bool, now time.Time) (Request, error) {
	if r.State != Failed {
		return r, errUnchanged
	}
	if r.Outcome != nil {
		r.FailedAt = r.Outcome.Time
	}
	r.State, r.Outcome, r.Expires, r.Problem = Waiting, nil, time.Time{}, "replayed by an operator"
	r.Updated = now
	if fixed {
		r.Fingerprint = ""
	}
	return r, nil
}

// abandoned reports whether a running request's worker is known to be gone.
func (r Request) abandoned(owner string, exclusive bool, now time.Time) bool {
	return !now.Before(r.LeaseUntil) || exclusive && r.Owner != owner
}

func (r Request) finished(s RequestState, o outcome.Event, expires time.Time) Request {
	r.State, r.Outcome, r.Problem = s, &o, ""
	r.Expires = expires.UTC().Truncate(time.Second)
	return r.unleased()
}

func (r Request) unleased() Request {
	r.Owner, r.Lease, r.LeaseUntil = "", "", time.Time{}
	return r
}

// fingerprint stands for what a command asks, apart from when.
func fingerprint(c command.Command) string {
	data, err := json.Marshal(c.Data)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(append([]byte(c.Type+"\x00"), data...))
	return hex.EncodeToString(sum[:16])
}
