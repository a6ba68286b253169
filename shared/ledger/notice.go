package ledger

import (
	"context"
	"iter"
	"time"

	"dialtone/shared/outcome"
)

// KindNotice is the kind of [Notice] items.
const KindNotice Kind = "notice"

// Notice is an event that answers no request, kept to be published as outcomes
// are.
type Notice struct {
	Event   outcome.Event `json:"event"`
	Expires time.Time     `json:"expires"`
}

func (n Notice) item() Item {
	return Item{Key: Key{KindNotice, n.Event.ID}, Index: "notices", Sort: wall(n.Event.Time).Format(time.RFC3339), Expires: n.Expires}
}

// Announce keeps an event to be published. Its ID decides whether it is news: one
// that was announced before stays as it is, for as long as finished requests are
// remembered. So whoever cannot know whether it was said says it again.
func (l *Ledger) Announce(ctx context.Context, e outcome.Event) error {
	_, err := change(ctx, l, Key{KindNotice, e.ID}, record[Notice]{}, func(n Notice) (Notice, error) {
		if n.Event.ID != "" {
			return n, errUnchanged
		}
		return Notice{Event: e, Expires: time.Now().UTC().Add(l.retention).Truncate(time.Second)}, nil
	})
	return err
}

// Notices yields what was announced, the oldest first.
func (l *Ledger) Notices(ctx context.Context) iter.Seq2[Notice, error] {
	return list[Notice](ctx, l, "notices", "", "")
}
