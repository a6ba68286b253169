package failures

import (
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
)

func forwarding() Section {
	s := Section{
		Title:    "Call forwarding",
		Commands: []Command{Enable, Disable},
		Text:     "Reading call forwarding, before anything is changed.",
	}
	s.answer("callForwardingSettings", 0,
		row(says(403, "Forbidden", "None"), "the user is not enabled for enterprise voice", refused(1), refused(1), noVoice),
		row(says(500, "ServiceFailure", "InvalidExchangeServerVersion"), "the mailbox may have moved to an Exchange version that is not supported", refused(1), refused(1), wrongExchange),
		row(says(409, "Conflict", "AlreadyExists"), "it exists already", refused(1), refused(1), noSuchForwarding),
		row(says(409, "Conflict", "TooManyGroups"), "there are too many groups", refused(1), refused(1), noSuchForwarding),
		row(says(409, "Conflict", "None"), "the service, the resource or the API is not supported", refused(1), refused(1), noSuchForwarding),
		row(says(410, "Gone", "CannotRedirect"), "there is no backup pool to redirect to", done(3), waits(2), skypeAway),
	)
	return s
}

func contactOfRing() Section {
	s := Section{
		Title:    "The contact of simultaneous ring",
		Commands: []Command{Disable},
		Text:     "The number or address that rings too is not part of the settings; it is read by a link of its own.",
	}
	s.answer("contact", 0,
		row(says(404, "NotFound", ""), "the contact is gone", done(2), waits(2), skypeAway),
		row(says(409, "Conflict", "None"), "not supported", refused(1), refused(1), notSupported),
		row(page(503), "not available", done(2), waits(3), skypeAway),
	)
	return s
}

func simultaneousRing() Section {
	s := Section{
		Title:    "Ringing at a second phone",
		Commands: []Command{Enable},
		Text:     "The one call of enable that the user can see.",
	}
	s.answer("simultaneousRingToContact", 0,
		row(says(403, "Forbidden", "None"), "the user is not enabled for enterprise voice or simultaneous ring", refused(1), refused(1), noRinging),
		row(says(500, "ServiceFailure", "CallbackChannelError"), "the remote event channel cannot be reached", done(2), waits(4), notShown),
		row(says(409, "Conflict", "AlreadyExists"), "it exists already", refused(1), refused(1), noSuchForwarding),
		row(says(409, "Conflict", "TooManyGroups"), "there are too many groups", refused(1), refused(1), noSuchForwarding),
		row(says(409, "Conflict", "None"), "the service, the resource or the API is not supported", refused(1), refused(1), noSuchForwarding),
		row(says(410, "Gone", "CannotRedirect"), "there is no backup pool to redirect to", done(2), waits(2), skypeAway),
		row(says(400, "BadRequest", "ParameterValidationFailure"), "the target is missing or not valid", refused(1), refused(1), badTarget),
	)
	return s
}

func ringingOff() Section {
	s := Section{
		Title:    "Ending simultaneous ring",
		Commands: []Command{Disable},
		Text:     "The PUT that ends it. Where it is refused, turnOffCallForwarding is called instead.",
	}
	s.answer("putCallForwardingSettings", 0,
		row(says(403, "Forbidden", "None"), "the user is not enabled for enterprise voice", done(1), done(1), Words{}),
		row(says(500, "ServiceFailure", "InvalidExchangeServerVersion"), "the mailbox may have moved to an Exchange version that is not supported", done(1), done(1), Words{}),
		row(says(410, "Gone", "CannotRedirect"), "there is no backup pool to redirect to", done(2), waits(2), skypeAway),
		row(says(412, "PreconditionFailed", ""), "changed since it was read", done(2), waits(24), notShown),
		row(says(428, "PreconditionRequired", ""), "If-Match is missing", done(1), done(1), Words{}),
		row(says(400, "BadRequest", "ParameterValidationFailure"), "a property is missing or not valid", done(1), done(1), Words{}),
	)
	return s
}

func turningOff() Section {
	s := Section{
		Title:    "Ending simultaneous ring the other way",
		Commands: []Command{Disable},
		Text:     "What is called where the PUT is refused with 403. If it is refused as well, nothing else can end the ringing.",
	}
	s.answer("turnOffCallForwarding", 0,
		row(says(403, "Forbidden", "None"), "the user is not enabled for enterprise voice", refused(1), refused(1), ringsOn),
		row(says(500, "ServiceFailure", "CallbackChannelError"), "the remote event channel cannot be reached", done(2), waits(23), notShown),
		row(says(409, "Conflict", "AlreadyExists"), "it exists already", refused(1), refused(1), ringsOn),
		row(says(409, "Conflict", "TooManyGroups"), "there are too many groups", refused(1), refused(1), ringsOn),
		row(says(409, "Conflict", "None"), "the service, the resource or the API is not supported", refused(1), refused(1), ringsOn),
		row(says(410, "Gone", "CannotRedirect"), "there is no backup pool to redirect to", done(2), waits(2), skypeAway),
	)
	for i := range s.Rows {
		s.Rows[i].Instead = "putCallForwardingSettings"
	}
	return s
}

func restoring() Section {
	s := Section{
		Title:    "Restoring what stood before",
		Commands: []Command{Disable},
		Text:     "What stood before simultaneous ring is set again. What is refused for good is left out, and the outcome says so: the ringing ends all the same.",
	}
	s.restore("immediateForwardToDelegates", forwarded("Delegates"), "calls are not forwarded to the delegates again",
		leave(says(403, "Forbidden", "None"), "the user is not enabled for enterprise voice or delegates", noForwarding),
		leave(says(403, "Forbidden", "NoDelegatesConfigured"), "the user has no delegates", noDelegates),
		leave(says(409, "Conflict", "NoDelegatesConfigured"), "the user has no delegates", noDelegates),
		leave(says(409, "Conflict", "AlreadyExists"), "it exists already", noSuchForwarding),
		leave(says(409, "Conflict", "TooManyGroups"), "there are too many groups", noSuchForwarding),
		leave(says(409, "Conflict", "None"), "the service, the resource or the API is not supported", noSuchForwarding),
	)
	s.restore("immediateForwardToVoicemail", forwarded("Voicemail"), "calls are not forwarded to voicemail again",
		leave(says(403, "Forbidden", "None"), "the user is not enabled for enterprise voice, or has no voicemail", noVoicemail),
	)
	s.restore("simultaneousRingToTeam", ringing("Team"), "calls do not ring at the team again",
		leave(says(403, "Forbidden", "None"), "the user is not enabled for enterprise voice", noRinging),
		leave(says(403, "Forbidden", "NoTeamMembersConfigured"), "the user has no team", noTeam),
		leave(says(409, "Conflict", "NoTeamMembersConfigured"), "the user has no team", noTeam),
	)
	s.restore("simultaneousRingToDelegates", ringing("Delegates"), "calls do not ring at the delegates again",
		leave(says(403, "Forbidden", "None"), "the user is not enabled for enterprise voice or delegates", noRinging),
		leave(says(403, "Forbidden", "NoDelegatesConfigured"), "the user has no delegates", noDelegates),
		leave(says(409, "Conflict", "NoDelegatesConfigured"), "the user has no delegates", noDelegates),
	)
	return s
}

// leave is an answer that ends a try to restore; the command is done without it.
func leave(answer simkit.Fault, means string, words Words) Row {
	return row(answer, means, done(1), done(1), words)
}

// restore adds answers to the call that restores what stood before; left is what
// the outcome says then, before the reason.
func (s *Section) restore(call string, stood ucwasim.Forwarding, left string, rows ...Row) {
	for _, r := range rows {
		r.Stood, r.Left = stood, left+": "+r.Words.Reason
		s.answer(call, 0, r)
	}
}

func forwarded(target string) ucwasim.Forwarding {
	return ucwasim.Forwarding{ActiveSetting: "ImmediateForward", Immediate: ucwasim.Destination{Target: target}}
}

func ringing(target string) ucwasim.Forwarding {
	return ucwasim.Forwarding{ActiveSetting: "SimultaneousRing", SimultaneousRing: ucwasim.Destination{Target: target}}
}
