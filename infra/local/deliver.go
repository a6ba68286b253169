package local

import (
	"context"
	"time"

	"dialtone/infra/local/queue"
	"dialtone/shared/sqsbatch"
)

// ChangeMessageVisibility implements [sqsbatch.Visibility] on the queues of the file.
func (d *Data) ChangeMessageVisibility(ctx context.Context, arn, receipt string, hidden time.Duration) error {
	q, err := d.Queues.ByARN(ctx, arn)
	if err != nil {
		return err
	}
	return q.ChangeVisibility(ctx, receipt, hidden)
}

// SendDeadLetter implements [sqsbatch.DeadLetters] on the queues of the file.
func (d *Data) SendDeadLetter(ctx context.Context, l sqsbatch.DeadLetter) error {
	source, err := d.Queues.ByARN(ctx, l.Queue)
	if err != nil {
		return err
	}
	q, err := d.Queues.Queue(ctx, source.Config().DeadLetterQueue)
	if err != nil {
		return err
	}
	attributes := map[string]queue.Attribute{}
	for name, v := range l.Attributes {
		attributes[name] = queue.Text(v)
	}
	_, err = q.Send(ctx, queue.Outgoing{Body: l.Body, Attributes: attributes, Group: l.Group, DedupID: l.DedupID})
	return err
}
