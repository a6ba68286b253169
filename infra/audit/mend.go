package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
)

// Queue takes the commands of repairs.
type Queue interface {
	Send(ctx context.Context, body []byte) (fresh bool, err error)
}

// Mender repairs what an audit found, where that is safe: by the transitions of
// the ledger, which refuse what is not as it was judged any more, or by a command.
// Safe for concurrent use.
type Mender struct {
	Ledger *ledger.Ledger
	Queue  Queue
	Kinds  []Kind // of findings that are repaired; see [ParseKinds]
	DryRun bool   // says what would be repaired, and changes nothing

	// Audit names the audit in the keys of its commands, the same when an
	// interrupted one goes on: a repair that is repeated is the same request.
	Audit string
}

// Source is the source of the commands that repairs send.
const Source = "urn:dialtone:audit"

// mending is how long one repair may take when its caller is interrupted: it is
// brought to its end.
const mending = 20 * time.Second

// errMoved reports that there is nothing to repair any more, or something else.
var errMoved = errors.New("it has changed since it was looked at: audit once more")

// Mend repairs a finding, if it is of the wanted kinds and has a Repair, and
// returns it with the result.
func (m Mender) Mend(ctx context.Context, f Finding) Finding {
	if f.Repair == "" || !slices.Contains(m.Kinds, f.Kind) {
		return f
	}
	if m.DryRun {
		f.Result = WouldRepair
		return f
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mending)
	defer cancel()
	f.Result = Repaired
	if err := m.repair(ctx, f); err != nil {
		f.Result, f.Cause = NotRepaired, err.Error()
	}
	return f
}

func (m Mender) repair(ctx context.Context, f Finding) error {
	switch f.Repair {
	case Publish:
		return m.publish(ctx, f)
	case Rest:
		return m.park(ctx, f, "owned in Webex", time.Now().Add(24*time.Hour))
	case SetAside:
		return m.park(ctx, f, "published for a user by other means", time.Time{})
	case GiveBack:
		return m.giveBack(ctx, f)
	case Record:
		return m.record(ctx, f)
	}
	return fmt.Errorf("nothing is known to %s", f.Repair)
}

// publish asks for the number that the user has: it is published again where it
// was wiped, and left where it is shown.
func (m Mender) publish(ctx context.Context, f Finding) error {
	key := command.Key{Source: Source, ID: fmt.Sprintf("%s %s %s %s", m.Audit, f.User, f.PhoneType, f.Number)}
	body, err := json.Marshal(map[string]any{
		"specversion": "1.0", "source": Source, "id": key.Hash()[:32], "type": command.TypeAssign,
		"data": map[string]any{"user": f.User, "locationId": f.known.LocationID, "number": f.Number, "phoneType": f.PhoneType},
	})
	if err == nil {
		_, err = m.Queue.Send(ctx, body)
	}
	return err
}

// park keeps a number from being handed out, a resting one no shorter than it
// rests. The request that brought it where it stands stays with it, by which the
// next audit finds the user.
func (m Mender) park(ctx context.Context, f Finding, reason string, until time.Time) error {
	h := f.holder()
	if n := f.known; n.Request != (command.Key{}) {
		h.Request = n.Request
	}
	n, err := m.Ledger.Park(ctx, f.Number, f.known.LocationID, h, reason, until)
	if err == nil && n.State != ledger.Parked {
		err = errMoved
	}
	return err
}

func (m Mender) giveBack(ctx context.Context, f Finding) error {
	n, err := m.Ledger.Unclaim(ctx, f.Number, f.holder())
	if err == nil && n.State == ledger.Reserved {
		err = errMoved
	}
	return err
}

// record claims and confirms the number for the line that has it.
func (m Mender) record(ctx context.Context, f Finding) error {
	h := f.holder()
	h.Request = f.line.Request
	_, err := m.Ledger.Claim(ctx, f.Number, f.line.LocationID, h)
	if err == nil {
		_, err = m.Ledger.Confirm(ctx, f.Number, h)
	}
	if _, taken := errors.AsType[*ledger.TakenError](err); taken || errors.Is(err, ledger.ErrFenced) {
		return errMoved
	}
	return err
}

// holder is whom the finding is about, by the request that was judged.
func (f Finding) holder() ledger.Holder {
	return ledger.Holder{User: f.User, PhoneType: f.PhoneType, Request: f.known.Request, Fence: f.known.Fence}
}
