package publishoutcomes

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"dialtone/shared/outcome"
)

// EventBridge is a [Bus] on Amazon EventBridge: Source dialtone, DetailType the
// outcome's type, Detail the whole CloudEvent.
type EventBridge struct {
	Client *eventbridge.Client
	Name   string // of the event bus, or its ARN
}

// Put implements [Bus].
func (b EventBridge) Put(ctx context.Context, entries []Entry) error {
	in := &eventbridge.PutEventsInput{}
	for _, e := range entries {
		in.Entries = append(in.Entries, types.PutEventsRequestEntry{
			EventBusName: aws.String(b.Name), Source: aws.String(outcome.Source), DetailType: aws.String(e.Type),
			Detail: aws.String(e.Detail), Time: aws.Time(e.Time),
		})
	}
	out, err := b.Client.PutEvents(ctx, in)
	if err != nil {
		return fmt.Errorf("put events: %w", err)
	}
	return refusals(out)
}

// refusals reads the answer: HTTP 200 may carry entries that failed.
func refusals(out *eventbridge.PutEventsOutput) error {
	if out.FailedEntryCount == 0 {
		return nil
	}
	refused := map[int]string{}
	for i, entry := range out.Entries {
		if code := aws.ToString(entry.ErrorCode); code != "" {
			refused[i] = code + ": " + aws.ToString(entry.ErrorMessage)
		}
	}
	return &RefusedError{Refused: refused}
}
