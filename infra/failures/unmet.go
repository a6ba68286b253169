package failures

// UnmetCall is a call whose answers are documented and that no command makes.
type UnmetCall struct {
	Call    string
	Answers []string // status, code and subcode, each with its meaning
	Why     string   // no command makes it
}

// noCommand is why the calls of subscriptions are not made.
const noCommand = "no command uses it yet"

// Unmet returns the calls that no command makes. Their rows become rows of a
// [Section] with the command that makes them.
func Unmet() []UnmetCall {
	return []UnmetCall{
		{"startOrRefreshSubscriptionToContactsAndGroups, stopSubscriptionToContactsAndGroups", append([]string{
			"403 Forbidden/None: the contact list may not be modified",
			"409 Conflict/None: the resource is not in the proper state",
			"403 Forbidden/None: delegates may not be accessed or set",
			"403 Forbidden/None: distribution groups may not be accessed or expanded",
		}, boilerplate("500 ServiceFailure/CallbackChannelError: the remote event channel cannot be reached")...), noCommand},
		{"myContactsAndGroupsSubscription", append([]string{
			"403 Forbidden/None: the contact list may not be accessed",
			"403 Forbidden/None: pending contacts may not be accessed",
		}, boilerplate("500 ServiceFailure/InvalidExchangeServerVersion: the mailbox may have moved")...), noCommand},
		{"immediateForwardToContact, unansweredCallToContact, unansweredCallToVoicemail, PUT of a ring delay", []string{
			"403 Forbidden/None: not enabled for enterprise voice, or not allowed", "412 PreconditionFailed: changed since it was read",
		}, "made only to restore what a person has set; refused, they are left out as in Restoring what stood before"},
		{"resetUnansweredCallSettings", []string{
			"403 Forbidden/None: not enabled for enterprise voice",
		}, noCommand},
		{"presenceSubscriptions, presenceSubscription", []string{
			"403 Forbidden/LimitExceeded: too many subscriptions", "409 Conflict/None: not in the proper state",
			"404 NotFound/ApplicationNotFound: the subscription has ended",
		}, noCommand},
		{"events", []string{
			"409 Conflict/PGetReplaced: another process reads the events", "408 ClientTimeout: the client took too long",
			"404 NotFound/ApplicationNotFound: the application is gone",
		}, noCommand},
		{"batch", []string{"429 TooManyRequests/None: more than 100 requests of the user are under way"}, "every call is made by itself"},
		{"me", []string{"409 Conflict/None: the application is starting or terminating"}, "the user arrives with the application"},
		{"makeMeAvailable, reportMyActivity", []string{
			"409 Conflict/AlreadyExists: made available before", "409 Conflict/MakeMeAvailableRequired: not made available",
			"403 Forbidden/None: the modality is not allowed", "403 Forbidden/AnonymousNotAllowed: signed in as anonymous",
		}, "it would publish the user's presence"},
		{"phone, changeVisibility", []string{
			"403 Forbidden/None: the user is not enabled for enterprise voice",
			"409 Conflict/None: read-only, because it is set in Active Directory",
		}, "phones are read together, and visibility is set with the number"},
		{"the passive grant", []string{"400 invalid_grant with diagnostics 28020: a person has to sign in at the address of ms_rtc_passiveauthuri"}, "nobody is there to sign in"},
	}
}

// boilerplate are the answers that nearly every page has.
func boilerplate(own string) []string {
	return []string{
		own, "409 Conflict/AlreadyExists: it exists already", "409 Conflict/TooManyGroups: there are too many groups",
		"409 Conflict/None: the service, the resource or the API is not supported", "410 Gone/CannotRedirect: there is no backup pool to redirect to",
	}
}
