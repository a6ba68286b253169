package deadletters

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/time/rate"

	"dialtone/shared/ledger"
)

// Result says what became of many dead letters.
type Result struct {
	Done    int       // replayed or discarded
	Refused []Refusal // left as they are
	Left    int       // not reached, because the work was stopped
}

// Refusal is a dead letter with which it did not work.
type Refusal struct {
	Letter ledger.DeadLetter
	Err    error
}

// inARow is how many failures of store or queue in a row end the work: the next
// one would fail as well.
const inARow = 3

// Each does something to the dead letters, in order, at most so many a second.
// One that cannot be done does not keep the others from it. step is told how many
// are behind. err is why the work was stopped, with ctx or after failures that are
// none of the dead letters' own; doing it again goes on with those that are left.
func Each(ctx context.Context, letters []ledger.DeadLetter, perSecond float64, do func(context.Context, ledger.DeadLetter) error, step func(n int)) (r Result, err error) {
	limit := rate.NewLimiter(rate.Limit(perSecond), 1)
	failed := 0
	for i, d := range letters {
		if err := limit.Wait(ctx); err != nil {
			r.Left = len(letters) - i
			return r, err
		}
		switch err := do(ctx, d); {
		case err == nil:
			r.Done++
			failed = 0
		case ctx.Err() != nil:
			r.Left = len(letters) - i
			return r, context.Cause(ctx)
		default:
			r.Refused = append(r.Refused, Refusal{d, err})
			if failed++; ownFault(err) {
				failed = 0
			}
		}
		step(i + 1)
		if failed == inARow {
			r.Left = len(letters) - i - 1
			return r, fmt.Errorf("%d failed in a row: %w", failed, r.Refused[len(r.Refused)-1].Err)
		}
	}
	return r, nil
}

// ownFault reports whether an error is about the one dead letter.
func ownFault(err error) bool {
	_, unfit := errors.AsType[*UnfitError](err)
	return unfit || errors.Is(err, ledger.ErrChanged) || errors.Is(err, ledger.ErrReplaying)
}
