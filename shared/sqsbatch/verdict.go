package sqsbatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"dialtone/shared/failure"
)

// Names of the message attributes of a dead letter.
const (
	AttributeClass         = "class"         // a failure.Class
	AttributeReason        = "reason"        // what happened, one sentence
	AttributeRequestSource = "requestSource" // CloudEvents source of the request
	AttributeRequestID     = "requestId"     // CloudEvents id of the request
	AttributeAttempts      = "attempts"      // receives so far, decimal
	AttributeAdvice        = "advice"        // what a person should do; absent when unknown
	AttributeUpstream      = "upstream"      // a failure.Upstream as JSON; absent when no vendor answered
)

// Discard marks err as permanent: the message is sent to its dead-letter queue
// with the attributes as message attributes, and then acknowledged. When that
// send fails, or [Config] has no DeadLetters, the message comes back instead.
//
// What attributes lacks is filled in: class, reason, advice and upstream from
// the [failure.Error] in err's chain (class unknown and err's own text without
// one) and attempts from the receive count. Discard of a nil error is still an
// error.
func Discard(err error, attributes map[string]string) error {
	if err == nil {
		err = errors.New("discarded without a reason")
	}
	return &verdict{err: err, discard: true, attributes: maps.Clone(attributes)}
}

// DiscardFailure is [Discard] for the request source and id that failed with f
// after so many attempts. A nil f is class unknown.
func DiscardFailure(f *failure.Error, source, id string, attempts int) error {
	if f == nil {
		f = &failure.Error{Class: failure.Unknown, Reason: "discarded without a reason"}
	}
	return Discard(f, map[string]string{
		AttributeRequestSource: source,
		AttributeRequestID:     id,
		AttributeAttempts:      strconv.Itoa(attempts),
	})
}

// RetryAfter marks err as transient: the message comes back after d and a
// random part of the backoff, so that those who wait for the same moment do not
// meet again. A wait beyond what SQS can hide a message for (12 h) is cut to
// that. RetryAfter of a nil error is still an error.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		err = errors.New("asked to come back later")
	}
	return &verdict{err: err, after: max(d, 0)}
}

// About names the request behind an error, whatever end that has, so that a dead
// letter that its message becomes, after [Config].GiveUpAfter too, names it. About
// of a nil error is nil.
func About(err error, source, id string) error {
	if err == nil {
		return nil
	}
	v := judge(err)
	attributes := map[string]string{AttributeRequestSource: source, AttributeRequestID: id}
	maps.Copy(attributes, v.attributes)
	v.attributes = attributes
	return v
}

// verdict is an error with the end that its message should have.
type verdict struct {
	err        error
	discard    bool
	attributes map[string]string // of the dead letter
	after      time.Duration     // least wait of a retry
}

func (v *verdict) Error() string { return v.err.Error() }
func (v *verdict) Unwrap() error { return v.err }

// judge finds the verdict in err's chain, outermost first. An error without one
// is transient, and waits as long as the failure in its chain asks for.
func judge(err error) *verdict {
	if v, ok := errors.AsType[*verdict](err); ok {
		return &verdict{err: err, discard: v.discard, attributes: v.attributes, after: v.after}
	}
	v := &verdict{err: err}
	if f := failure.As(err); f != nil {
		v.after = max(f.RetryAfter, 0)
	}
	return v
}

// givenUp discards what was to come back. That a change is in doubt outlives the
// message; else its class is unavailable, whatever kept it waiting last.
func (v *verdict) givenUp(age time.Duration) *verdict {
	f := failure.Error{
		Class: failure.Unavailable, Err: v.err,
		Reason: fmt.Sprintf("given up after %s without success: ", age.Truncate(time.Hour)),
		Advice: "Remove the cause, or wait until the vendor answers again, then replay the request.",
	}
	if last := failure.As(v.err); last != nil {
		f.Reason, f.Upstream = f.Reason+last.Reason, last.Upstream
		if last.Class == failure.Unknown {
			f.Class = last.Class
		}
	} else {
		f.Reason += v.err.Error()
	}
	return &verdict{err: &f, discard: true, attributes: v.attributes}
}

// described returns the attributes of a discard with the gaps filled.
func (v *verdict) described(m Message) map[string]string {
	all := map[string]string{
		AttributeClass:    string(failure.Unknown),
		AttributeReason:   v.Error(),
		AttributeAttempts: strconv.Itoa(m.ReceiveCount),
	}
	if f := failure.As(v.err); f != nil {
		all[AttributeClass] = string(f.Class)
		all[AttributeReason] = f.Reason
		all[AttributeAdvice] = f.Advice
		all[AttributeUpstream] = upstream(f.Upstream)
	}
	maps.Copy(all, v.attributes)
	return all
}

func upstream(u *failure.Upstream) string {
	if u == nil {
		return ""
	}
	b, err := json.Marshal(u)
	if err != nil {
		return ""
	}
	return string(b)
}
