package local

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"dialtone/infra/local/mapping"
	"dialtone/shared/logattr"
)

// timer invokes a function again and again, one invocation at a time. One that
// fails is made up for by the next.
type timer struct {
	name   string
	every  time.Duration
	invoke mapping.Handler
	log    *slog.Logger
}

// firstInvocation is how long after the start the clock begins: by then requests
// have shown which locations there are.
const firstInvocation = time.Minute

// run invokes until ctx ends, which cuts off what is under way.
func (t timer) run(ctx context.Context) {
	for wait := min(firstInvocation, t.every); ; wait = t.every {
		pause(ctx, wait)
		if ctx.Err() != nil {
			return
		}
		if err := t.once(ctx); err != nil && ctx.Err() == nil {
			t.log.ErrorContext(ctx, "scheduled function failed", slog.String("function", t.name), logattr.Error(err))
		}
	}
}

// once gives the function the time that it has for a batch. A panic is its failure
// and nobody else's.
func (t timer) once(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, functionTimeout)
	defer cancel()
	_, err = t.invoke(ctx, []byte("{}"))
	return err
}
