package ucwa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"dialtone/shared/failure"
)

// ForwardingUpdate is what call forwarding shall become; what is empty is left.
type ForwardingUpdate struct {
	Active     ForwardingState
	Period     ActivePeriod
	Unanswered UnansweredHandling
}

// UpdateCallForwarding changes the settings of cf that no action changes, or
// makes stored settings active again (UCWA 2.0: callForwardingSettings, PUT).
// Set a target with the action for it, such as [Application.RingContact]. An
// update of nothing succeeds without a call.
//
// It holds only for the version in cf: when the settings have changed since,
// nothing is applied and the remedy is [Refresh]. It is sent at most once.
// Errors are [*Error]s: invalid for a value that the settings do not have, and
// for a request that the server finds malformed (400, 428); denied (403) when
// the user is not enabled for enterprise voice; unknown with [Verify] when it
// may or may not have been applied.
func (a *Application) UpdateCallForwarding(ctx context.Context, cf CallForwarding, u ForwardingUpdate) error {
	const operation = "updateCallForwarding"
	edits, err := u.edits()
	if err != nil {
		return refused(operation, failure.Invalid, err)
	}
	return a.put(ctx, operation, cf.part, edits)
}

func (u ForwardingUpdate) edits() (map[string]any, error) {
	edits := map[string]any{}
	return edits, errors.Join(
		edit(edits, "activeSetting", u.Active, NotForwarding, ImmediateForward, SimultaneousRing),
		edit(edits, "activePeriod", u.Period, Always, WorkHours),
		edit(edits, "unansweredCallHandling", u.Unanswered, UnansweredEnabled, UnansweredDisabled),
	)
}

func edit[T ~string](edits map[string]any, name string, value T, known ...T) error {
	if value == "" {
		return nil
	}
	names := make([]string, 0, len(known))
	for _, k := range known {
		if k == value {
			edits[name] = string(value)
			return nil
		}
		names = append(names, string(k))
	}
	return fmt.Errorf("%s is %q: give %s, or nothing to leave it", name, value, strings.Join(names, ", "))
}

// UpdateRingDelay changes after how many seconds team or delegates ring too (0
// to 55, for cf.Ring) or a call counts as unanswered (5 to 60, for
// cf.NoAnswer), and nothing else (UCWA 2.0: simultaneousRingSettings,
// unansweredCallSettings, PUT). Errors are those of
// [Application.UpdateCallForwarding].
func (a *Application) UpdateRingDelay(ctx context.Context, f Forward, seconds int) error {
	const operation = "updateRingDelay"
	if err := checkDelay(f.name, seconds); err != nil {
		return refused(operation, failure.Invalid, err)
	}
	return a.put(ctx, operation, f.part, map[string]any{"ringDelay": json.Number(strconv.Itoa(seconds))})
}

// put changes properties of a part and sends all others back as they were read
// (UCWA 2.0: Payload Format). What is embedded in another resource may come
// without its version: it is read on its own first.
func (a *Application) put(ctx context.Context, operation string, p part, edits map[string]any) error {
	u, err := p.follow(operation, "self")
	if err != nil || len(edits) == 0 {
		return err
	}
	doc := p.doc
	if !doc.replaceable() {
		if doc, err = a.call(ctx, request{operation: p.name, method: http.MethodGet, url: u, yields: true}); err != nil {
			return err
		}
	}
	if v := doc.version(); v == "" || strings.ContainsFunc(v, notInETag) {
		return refused(operation, failure.Denied, fmt.Errorf("%s has no usable ETag to change it against", p.name))
	}
	_, err = a.call(ctx, request{
		operation: operation, method: http.MethodPut, url: u, effect: changes,
		input: doc.edited(edits), ifMatch: doc.version(),
	})
	return err
}

// notInETag tells what cannot stand between the quotes of an If-Match.
func notInETag(r rune) bool { return r <= ' ' || r == '"' || r >= 0x7f }

// edited returns the document's properties with some changed.
func (r *resource) edited(edits map[string]any) replacement {
	props := maps.Clone(r.props)
	maps.Copy(props, edits)
	return replacement{r.rel, props}
}

// replaceable reports whether the document has what a PUT must give back: its
// version, and the property with a random GUID for a name (UCWA 2.0: Payload
// Format).
func (r *resource) replaceable() bool {
	if r.version() == "" {
		return false
	}
	for name := range r.props {
		if isGUID(name) {
			return true
		}
	}
	return false
}

// isGUID reports 32 hexadecimal digits, grouped 8-4-4-4-12 or not at all.
func isGUID(s string) bool {
	groups := strings.Split(s, "-")
	if len(groups) == 5 {
		for i, n := range [...]int{8, 4, 4, 4, 12} {
			if len(groups[i]) != n {
				return false
			}
		}
	} else if len(groups) != 1 {
		return false
	}
	digits := strings.Join(groups, "")
	return len(digits) == 32 && strings.Trim(strings.ToLower(digits), "0123456789abcdef") == ""
}
