package mapping

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/uuid"

	"dialtone/infra/local/queue"
)

// invoke calls the handler for a batch and settles the batch by its reply.
func (m *Mapping) invoke(working context.Context, batch []queue.Received) {
	n := int64(len(batch))
	m.count(func(c *Counts) { c.Invocations++; c.InFlight += n })
	request := uuid.NewString()
	failed, err := m.call(working, request, batch)
	m.count(func(c *Counts) { c.InFlight -= n })
	if err == nil {
		m.settle(working, batch, failed)
		return
	}
	m.count(func(c *Counts) { c.Errors++ })
	m.config.Logger.Error("invocation failed", "function", m.config.Function, "request_id", request, "messages", n, "error", err)
	if errors.Is(context.Cause(working), errCut) {
		m.handBack(working, batch)
		return
	}
	m.count(func(c *Counts) { c.Failed += n })
}

// call runs the handler until it returns; a goroutine cannot be killed. As in
// Lambda, a reply that comes after the deadline does not count.
func (m *Mapping) call(working context.Context, request string, batch []queue.Received) (failed map[string]bool, err error) {
	event, err := m.event(batch)
	if err != nil {
		return nil, fmt.Errorf("encode SQS event: %w", err)
	}
	ctx, cancel := context.WithTimeout(working, m.config.Timeout)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID:       request,
		InvokedFunctionArn: "arn:aws:lambda:local:000000000000:function:" + m.config.Function,
	})
	response, err := m.guard(ctx, event)
	if err != nil {
		return nil, err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, fmt.Errorf("no reply within %s: %w", m.config.Timeout, ctx.Err())
	}
	return failures(response, batch)
}

// panicError is a panic of the handler. Its text goes to the log, so it shows
// only values that the runtime made; others may hold anything.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string {
	if err, ok := e.value.(runtime.Error); ok {
		return fmt.Sprintf("handler panicked: %v\n%s", err, e.stack)
	}
	return fmt.Sprintf("handler panicked with a %T\n%s", e.value, e.stack)
}

func (m *Mapping) guard(ctx context.Context, event []byte) (response []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return m.config.Handler(ctx, event)
}

// settle deletes what succeeded. What failed keeps the visibility that the
// queue, or the handler, gave it.
func (m *Mapping) settle(working context.Context, batch []queue.Received, failed map[string]bool) {
	var receipts []string
	for _, r := range batch {
		if !failed[r.ID] {
			receipts = append(receipts, r.Receipt)
		}
	}
	m.count(func(c *Counts) { c.Failed += int64(len(batch) - len(receipts)) })
	if len(receipts) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(working), settleTimeout)
	defer cancel()
	outcomes, err := m.deleteBatch(ctx, receipts)
	if err != nil {
		// They come back: the work is done a second time.
		m.count(func(c *Counts) { c.Failed += int64(len(receipts)) })
		m.config.Logger.Error("delete failed", "function", m.config.Function, "messages", len(receipts), "error", err)
		return
	}
	for _, err := range outcomes {
		if err != nil {
			m.count(func(c *Counts) { c.Failed++ })
			m.config.Logger.Warn("delete refused", "function", m.config.Function, "error", err)
			continue
		}
		m.count(func(c *Counts) { c.Succeeded++ })
	}
}

// deleteBatch tries three times: to give up is to do the work again.
func (m *Mapping) deleteBatch(ctx context.Context, receipts []string) (outcomes []error, err error) {
	for pause := 50 * time.Millisecond; pause <= 200*time.Millisecond; pause *= 2 {
		outcomes, err = m.config.Source.DeleteBatch(ctx, receipts)
		if err == nil || within(pause, ctx.Done()) {
			break
		}
	}
	return outcomes, err
}

// handBack makes messages visible at once.
func (m *Mapping) handBack(working context.Context, batch []queue.Received) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(working), settleTimeout)
	defer cancel()
	var entries []queue.Visibility
	for _, r := range batch {
		entries = append(entries, queue.Visibility{Receipt: r.Receipt})
	}
	m.count(func(c *Counts) { c.Returned += int64(len(batch)) })
	outcomes, err := m.config.Source.ChangeVisibilityBatch(ctx, entries)
	if err := errors.Join(append(outcomes, err)...); err != nil {
		// They come back by themselves when their visibility timeout ends.
		m.config.Logger.Warn("hand back failed", "function", m.config.Function, "messages", len(batch), "error", err)
	}
}
