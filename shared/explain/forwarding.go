package explain

import (
	"net/http"
	"strings"

	"dialtone/shared/failure"
	"dialtone/shared/ucwa"
)

// forwardingCases are the failures of call forwarding, by the pages of its
// resources. The same status means something else on each.
func forwardingCases() []ucwaCase {
	return []ucwaCase{
		{subcode(ucwa.NoTeamMembersConfigured), words{
			"the user has no team",
			"Let the user add members to the team in the client's call forwarding settings, then replay the request.",
		}},
		{subcode(ucwa.NoDelegatesConfigured), words{
			"the user has no delegates",
			"Let the user name delegates in the client's call forwarding settings, then replay the request.",
		}},
		{both(because(ucwa.ErrMissingLink), within("simultaneousRing")), words{
			"Skype for Business does not offer simultaneous ring to the user", allowSimulRing,
		}},
		{both(because(ucwa.ErrMissingLink), within("callForwarding", "immediateForward", "unansweredCall")), words{
			"Skype for Business does not offer this call forwarding to the user", allowForwarding,
		}},
		{forbidden(both(fromUCWAItself, within("simultaneousRing"))), words{
			"the user is not enabled for Enterprise Voice or for simultaneous ring", allowSimulRing,
		}},
		{forbidden(both(fromUCWAItself, within("immediateForwardToVoicemail", "unansweredCallToVoicemail"))), words{
			"the user is not enabled for Enterprise Voice, or has no voicemail",
			"Enable Enterprise Voice and hosted or Exchange voicemail for the user, then replay the request.",
		}},
		{forbidden(both(fromUCWAItself, within("immediateForwardTo", "unansweredCallTo"))), words{
			"the user is not enabled for Enterprise Voice or may not forward calls", allowForwarding,
		}},
		{both(answered(http.StatusBadRequest), within("ToContact")), words{
			"Skype for Business does not take the target",
			"Correct data.target: tel:+ and the number with its country code, or the sip: address of a person; then send the request again.",
		}},
		{both(answered(http.StatusConflict), forwards), words{
			"the user's pool does not support this call forwarding",
			"Move the user to a pool that does, or drop the request.",
		}},
	}
}

const (
	allowSimulRing  = "Enable Enterprise Voice for the user and simultaneous ring in the user's voice policy (Set-CsVoicePolicy -AllowSimulRing $true), then replay the request."
	allowForwarding = "Enable Enterprise Voice for the user and call forwarding in the user's voice policy (Set-CsVoicePolicy -AllowCallForwarding $true), then replay the request."
)

func both(a, b func(*ucwa.Error) bool) func(*ucwa.Error) bool {
	return func(e *ucwa.Error) bool { return a(e) && b(e) }
}

// within reports that the operation is one of those whose names have a part.
func within(parts ...string) func(*ucwa.Error) bool {
	return func(e *ucwa.Error) bool {
		for _, p := range parts {
			if strings.Contains(e.Operation, p) {
				return true
			}
		}
		return false
	}
}

// forwards tells the operations on call forwarding.
func forwards(e *ucwa.Error) bool {
	return within("orward", "simultaneousRing", "unansweredCall", "resetUnanswered", "updateRingDelay")(e)
}

// answered is a refusal for good with a status.
func answered(s int) func(*ucwa.Error) bool {
	return func(e *ucwa.Error) bool {
		return e.Status == s && (e.Class == failure.Denied || e.Class == failure.Invalid)
	}
}

// fromUCWAItself leaves out what something in front of it says.
func fromUCWAItself(e *ucwa.Error) bool { return !inFront(e) }
