package explain_test

import (
	"strings"
	"testing"

	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/ucwa"
)

// TestForwardingWords: the rows of the pages on call forwarding.
func TestForwardingWords(t *testing.T) {
	denied := func(operation string, status int, subcode string) *ucwa.Error {
		return &ucwa.Error{Operation: operation, Status: status, Subcode: subcode, Class: failure.Denied}
	}
	missing := func(operation string) *ucwa.Error {
		return &ucwa.Error{Operation: operation, Class: failure.Denied, Err: ucwa.ErrMissingLink}
	}
	for name, c := range map[string]struct {
		err           error
		reason, means string // parts of reason and advice
	}{
		"no team":                 {denied("simultaneousRingToTeam", 403, ucwa.NoTeamMembersConfigured), "no team", "add members"},
		"no team, as a conflict":  {denied("simultaneousRingToTeam", 409, ucwa.NoTeamMembersConfigured), "no team", "add members"},
		"no delegates":            {denied("immediateForwardToDelegates", 403, ucwa.NoDelegatesConfigured), "no delegates", "name delegates"},
		"may not ring":            {denied("simultaneousRingToContact", 403, "None"), "or for simultaneous ring", "AllowSimulRing"},
		"ring is not offered":     {missing("simultaneousRingToContact"), "does not offer simultaneous ring", "AllowSimulRing"},
		"nothing is offered":      {missing("callForwardingSettings"), "does not offer this call forwarding", "AllowCallForwarding"},
		"may not forward":         {denied("immediateForwardToContact", 403, "None"), "may not forward calls", "AllowCallForwarding"},
		"unanswered, forbidden":   {denied("unansweredCallToContact", 403, "None"), "may not forward calls", "AllowCallForwarding"},
		"no voicemail":            {denied("immediateForwardToVoicemail", 403, "None"), "has no voicemail", "voicemail"},
		"settings, forbidden":     {denied("callForwardingSettings", 403, "None"), "not enabled for Enterprise Voice", "EnterpriseVoiceEnabled"},
		"not supported":           {denied("simultaneousRingToContact", 409, "None"), "does not support this call forwarding", "pool"},
		"not taken":               {&ucwa.Error{Operation: "simultaneousRingToContact", Status: 400, Class: failure.Invalid}, "does not take the target", "data.target"},
		"a proxy":                 {&ucwa.Error{Operation: "simultaneousRingToContact", Status: 403, Class: failure.Denied, Remedy: ucwa.Rediscover}, "in front of", "proxy"},
		"exchange, as everywhere": {denied("callForwardingSettings", 500, "InvalidExchangeServerVersion"), "Exchange", "mailbox"},
		"a phone, as before":      {denied("changeNumber", 409, "None"), "set in Active Directory", "directory"},
	} {
		t.Run(name, func(t *testing.T) {
			f := explain.Error(c.err)
			if !strings.Contains(f.Reason, c.reason) || !strings.Contains(f.Advice, c.means) {
				t.Errorf("%q / %q, want %q / %q", f.Reason, f.Advice, c.reason, c.means)
			}
		})
	}
}
