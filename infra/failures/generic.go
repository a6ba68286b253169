package failures

func genericOfReads() Section {
	s := Section{
		Title:    "Generic errors, before the change",
		Commands: []Command{Assign, Release},
		Text:     "The remaining generic synchronous errors and subcodes.",
	}
	s.answer("phones", 0,
		row(says(400, "BadRequest", "DeserializationFailure"), "the body cannot be read", refused(1), refused(1), malformed),
		row(says(400, "BadRequest", "ParameterValidationFailure"), "a value is not valid", refused(1), refused(1), malformed),
		row(says(403, "Forbidden", "MobileApplicationNoLongerAllowed"), "the user has lost the right to mobile applications", refused(1), refused(1), noApplication),
		row(says(403, "Forbidden", "LimitExceeded"), "a limit is exceeded", refused(1), refused(1), skypeRefuses),
		row(says(404, "NotFound", "ResourceNotFound"), "there is no such resource", done(3), waits(2), skypeAway),
		row(says(404, "NotFound", "APIVersionNotSupported"), "the version that was asked for is not supported", refused(1), refused(1), oldPool),
		row(says(409, "Conflict", "LimitExceeded"), "a limit is exceeded", waits(1), waits(1), skypeAway),
		row(says(409, "Conflict", "MigrationInProgress"), "the user is being moved", waits(1), waits(1), skypeAway),
		row(says(409, "Conflict", "ProvisioningDataUnavailable"), "the data on the user cannot be had", waits(1), waits(1), skypeAway),
		row(says(409, "Conflict", "OperationNotSupported"), "the operation is not supported", refused(1), refused(1), notSupported),
		row(says(409, "Conflict", "MakeMeAvailableRequired"), "the user is not available in this application", refused(1), refused(1), notSupported),
		row(says(409, "Conflict", "TooManyContacts"), "there are too many contacts", refused(1), refused(1), notSupported),
		row(says(500, "ExchangeServiceFailure", ""), "Exchange cannot be reached", done(3), waits(3), skypeAway),
		row(says(504, "ExchangeServiceFailure", "ExchangeTimeout"), "Exchange did not answer in time", done(3), waits(3), skypeAway),
		row(says(504, "Timeout", "Timeout"), "a remote server did not answer in time", done(3), waits(3), skypeAway),
	)
	return s
}

func genericOfChanges() Section {
	s := Section{
		Title:    "Generic errors, of the change",
		Commands: []Command{Assign, Release},
		Text:     "The same for the call that changes.",
	}
	s.answer("changeNumber", 0,
		row(says(400, "BadRequest", "DeserializationFailure"), "the body cannot be read", refused(1), refused(1), malformed),
		row(says(400, "BadRequest", "ParameterValidationFailure"), "a value is not valid", refused(1), refused(1), malformed),
		row(says(403, "Forbidden", "MobileApplicationNoLongerAllowed"), "the user has lost the right to mobile applications", refused(1), refused(1), noApplication),
		row(says(403, "Forbidden", "LimitExceeded"), "a limit is exceeded", refused(1), refused(1), skypeRefuses),
		row(says(404, "NotFound", "ResourceNotFound"), "there is no such resource", done(2), waits(4), notShown),
		row(says(404, "NotFound", "APIVersionNotSupported"), "the version that was asked for is not supported", refused(1), refused(1), oldPool),
		row(says(409, "Conflict", "LimitExceeded"), "a limit is exceeded", waits(1), waits(1), skypeAway),
		row(says(409, "Conflict", "MigrationInProgress"), "the user is being moved", waits(1), waits(1), skypeAway),
		row(says(409, "Conflict", "ProvisioningDataUnavailable"), "the data on the user cannot be had", waits(1), waits(1), skypeAway),
		row(says(409, "Conflict", "OperationNotSupported"), "the operation is not supported", refused(1), refused(1), notSupported),
		row(says(409, "Conflict", "MakeMeAvailableRequired"), "the user is not available in this application", refused(1), refused(1), notSupported),
		row(says(409, "Conflict", "TooManyContacts"), "there are too many contacts", refused(1), refused(1), notSupported),
		row(says(500, "ExchangeServiceFailure", ""), "Exchange cannot be reached", done(2), waits(4), notShown),
		row(says(504, "ExchangeServiceFailure", "ExchangeTimeout"), "Exchange did not answer in time", done(2), waits(4), notShown),
		row(says(504, "Timeout", "Timeout"), "a remote server did not answer in time", done(2), waits(4), notShown),
	)
	return s
}
