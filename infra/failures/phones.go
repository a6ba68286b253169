package failures

func phones() Section {
	s := Section{
		Title:    "Phones",
		Commands: []Command{Assign, Release},
		Text:     "Reading the phones of the user, before anything is changed.",
	}
	s.answer("phones", 0,
		row(says(403, "Forbidden", "AnonymousNotAllowed"), "the user is signed in as anonymous", refused(1), refused(1), anonymous),
		row(says(403, "Forbidden", "None"), "the user is not enabled for enterprise voice", refused(1), refused(1), noVoice),
		row(says(500, "ServiceFailure", "InvalidExchangeServerVersion"), "the mailbox may have moved to an Exchange version that is not supported", refused(1), refused(1), wrongExchange),
		row(says(409, "Conflict", "AlreadyExists"), "it exists already", refused(1), refused(1), notSupported),
		row(says(409, "Conflict", "TooManyGroups"), "there are too many groups", refused(1), refused(1), notSupported),
		row(says(409, "Conflict", "None"), "the service, the resource or the API is not supported", refused(1), refused(1), notSupported),
		row(says(410, "Gone", "CannotRedirect"), "there is no backup pool to redirect to", done(3), waits(2), skypeAway),
	)
	return s
}

func changeNumber() Section {
	s := Section{
		Title:    "Changing a number",
		Commands: []Command{Assign, Release},
		Text:     "The one call of assign and release that the user can see.",
	}
	s.answer("changeNumber", 0,
		row(says(403, "Forbidden", "None"), "the user is not enabled for enterprise voice", refused(1), refused(1), noVoice),
		row(says(409, "Conflict", "None"), "the phone is to be shared and is read-only, because it is set in Active Directory", refused(1), refused(1), directoryPhone).note("Active Directory"),
		row(says(500, "ServiceFailure", "CallbackChannelError"), "the remote event channel cannot be reached", done(2), waits(4), notShown),
		row(says(409, "Conflict", "AlreadyExists"), "it exists already", refused(1), refused(1), notSupported),
		row(says(409, "Conflict", "TooManyGroups"), "there are too many groups", refused(1), refused(1), notSupported),
		row(says(409, "Conflict", "None"), "the service, the resource or the API is not supported", refused(1), refused(1), directoryPhone),
		row(says(410, "Gone", "CannotRedirect"), "there is no backup pool to redirect to", done(2), waits(2), skypeAway),
	)
	return s
}

func normalising() Section {
	s := Section{
		Title:    "A number that cannot be normalised, assigned",
		Commands: []Command{Assign},
		Text:     "A number that is refused is parked for a day, and the next one is tried: three at most.",
	}
	s.answer("changeNumber", 0,
		row(says(400, "BadRequest", "NormalizationFailed"), "the number could not be normalised", done(2), refused(3), allRefused),
	)
	return s
}

func denormalising() Section {
	s := Section{
		Title:    "A number that cannot be normalised, released",
		Commands: []Command{Release},
		Text:     "Taking a number off the phone sends none, so there is nothing to normalise; if it is refused all the same, the user keeps the number.",
	}
	s.answer("changeNumber", 0,
		row(says(400, "BadRequest", "NormalizationFailed"), "the number could not be normalised", refused(1), refused(1), notNormal),
	)
	return s
}
