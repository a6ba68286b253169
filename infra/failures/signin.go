package failures

import (
	"time"

	"dialtone/infra/sim/simkit"
)

func discovery() Section {
	s := Section{
		Title:    "Discovery",
		Commands: []Command{Assign, Enable},
		Text:     "Finding the pool of the user: the first call of a process for a domain. Once found, the place is remembered.",
	}
	s.answer("root", 0,
		row(with(page(302), "Location", "https://elsewhere.example.test/"), "a redirect to another domain", refused(1), refused(1), untrusted).note("to another domain"),
		row(page(403), "client forbidden", done(2), refused(2), inFront),
		row(page(404), "there is no discovery service at the address", done(2), waits(2), skypeAway),
		row(page(500), "the server fails", done(2), waits(3), skypeAway),
		row(page(502), "a gateway gets no answer", done(2), waits(5).atLeast(4*time.Second), skypePaused),
		row(page(503), "not available", done(2), waits(3), skypeAway),
		row(page(504), "a gateway gets no answer in time", done(2), waits(3), skypeAway),
		row(page(200), "not a UCWA document", done(2), waits(3), skypeAway).note("web page"),
		row(cutOff(), "no answer; the call may or may not have arrived", done(2), waits(3), skypeAway).note("connection lost"),
		row(silence(), "no answer in time; the call may or may not have arrived", done(2), waits(3), skypeAway).note("no answer"),
	)
	return s
}

func userResource() Section {
	s := Section{
		Title:    "The user resource",
		Commands: []Command{Assign, Enable},
		Text:     "Where the user is homed, and how the pool wants users to sign in: it answers a call without a token by a challenge.",
	}
	s.answer("user", 0,
		row(page(401), "a challenge without a way to sign in", done(2), waits(4), skypeAway).note("first call"),
		row(page(405), "the verb is refused", done(2), refused(2), malformed).note("first call"),
		row(page(503), "not available", done(3), waits(3), skypeAway).note("first call"),
	)
	s.answer("user", 1,
		row(page(401), "the token is not accepted, and the answer does not say how to get one", done(4), waits(4), skypeAway).note("without a challenge"),
		row(diagnosed(page(403), oauthInvalid), "the OAuth token is not valid", done(4), waits(3), skypeAway).note("28055"),
		row(diagnosed(page(500), wrongPool), "the web ticket is of another pool", done(4), waits(3), skypeAway).note("28032"),
		row(page(403), "client forbidden", done(3), refused(3), inFront),
		row(page(404), "the link is stale", done(3), waits(3), skypeAway),
		row(page(502), "a gateway gets no answer", done(3), waits(7), skypeAway),
		row(page(503), "not available", done(3), waits(4), skypeAway),
	)
	return s
}

func tokens() Section {
	s := Section{
		Title:    "The token endpoint",
		Commands: []Command{Assign, Enable},
		Text:     "Signing in. A refused sign-in is never tried again by itself, since that can lock the account; after `invalid_grant` no request of the user asks for a token for 30 minutes, unless the secret has changed.",
	}
	s.answer("token", 0,
		row(says(400, "invalid_request", ""), "a field is missing or malformed", refused(1), refused(1), signInMalformed),
		row(says(400, "invalid_grant", ""), "the credentials could not be verified", refused(1), refused(1), wrongPassword),
		row(says(400, "unsupported_grant_type", ""), "the grant is not offered", refused(1), refused(1), wrongGrant),
		row(diagnosed(says(400, "unsupported_grant_type", ""), typeNotAllowed), "the authentication type is not allowed", refused(1), refused(1), wrongGrant).note("28029"),
		row(says(400, "invalid_scope", ""), "only the scope all is valid", refused(1), refused(1), signInMalformed),
		row(says(400, "server_error", ""), "an unexpected error of the server", waits(1), waits(1), skypeAway),
		row(page(401), "Windows refuses the credentials", refused(1), refused(1), signInRefused),
		row(page(403), "access is forbidden", refused(1), refused(1), signInRefused),
		row(page(404), "there is no token endpoint", done(2), waits(2), skypeAway),
		row(page(429), "too many requests", waits(1), waits(1), skypeAway),
		row(page(500), "the server fails", waits(1), waits(1), skypeAway),
		row(page(503), "not available", waits(1), waits(1), skypeAway),
		row(page(200), "not a token", waits(1), waits(1), skypeAway).note("web page"),
		row(cutOff(), "no answer; the call may or may not have arrived", waits(1), waits(1), skypeAway).note("connection lost"),
		row(silence(), "no answer in time; the call may or may not have arrived", waits(1), waits(1), skypeAway).note("no answer"),
	)
	return s
}

func applications() Section {
	s := Section{
		Title:    "The application",
		Commands: []Command{Assign, Enable},
		Text:     "Opening an application of the user on the pool. The call can be repeated: the same application is taken up again.",
	}
	s.answer("applications", 0,
		row(says(403, "Forbidden", "None"), "a federated user of Office Communications Server 2007 R2 joins a meeting", refused(1), refused(1), noApplication).note("federated"),
		row(says(403, "Forbidden", "None"), "the user may not have a mobile application", refused(1), refused(1), noApplication).note("mobile"),
		row(says(403, "Forbidden", "None"), "the user may not have a desktop application", refused(1), refused(1), noApplication).note("desktop"),
		row(says(500, "ServiceFailure", "CallbackChannelError"), "the remote event channel cannot be reached", done(2), waits(3), skypeAway),
		row(says(409, "Conflict", "AlreadyExists"), "it exists already", refused(1), refused(1), notSupported),
		row(says(409, "Conflict", "TooManyGroups"), "there are too many groups", refused(1), refused(1), notSupported),
		row(says(409, "Conflict", "None"), "the service, the resource or the API is not supported", refused(1), refused(1), notSupported),
		row(says(410, "Gone", "CannotRedirect"), "there is no backup pool to redirect to", done(2), waits(2), skypeAway),
		row(diagnosed(page(500), wrongPool), "the web ticket is of another pool", done(2), waits(2), skypeAway).note("28032"),
		row(page(401), "the token is not accepted, and the answer does not say how to get one", done(2), waits(2), skypeAway).note("without a challenge"),
		row(diagnosed(page(403), oauthInvalid), "the OAuth token is not valid", done(2), waits(2), skypeAway).note("28055"),
		row(page(403), "client forbidden", done(2), refused(2), inFront),
		row(page(404), "the link is stale", done(2), waits(2), skypeAway),
		row(page(502), "a gateway gets no answer", done(2), waits(6), skypeAway),
		row(page(503), "not available", done(2), waits(3), skypeAway),
		row(simkit.Fault{Apply: true, Truncate: 40}, "the application is there, and the answer breaks off", done(2), waits(3), skypeAway).note("torn answer"),
		row(cutOff(), "no answer; the call may or may not have arrived", done(2), waits(3), skypeAway).note("connection lost"),
		row(silence(), "no answer in time; the call may or may not have arrived", done(2), waits(3), skypeAway).note("no answer"),
	)
	return s
}

func lostApplications() Section {
	s := Section{
		Title:    "Loss of the application",
		Commands: []Command{Assign, Release},
		Text:     "The application may be lost before any call. One that was pushed out is not opened again at once, so as not to push out the devices of the user in turn.",
	}
	s.answer("applications", 0,
		row(says(404, "NotFound", "ApplicationNotFound"), "the application is gone", done(2), waits(2), skypeAway),
		row(says(410, "Gone", "TooManyApplications"), "ended by a newer sign-in of the user", waits(1), waits(1), pushedOut),
		row(says(410, "Gone", "InactiveApplicationExpired"), "ended because nothing came from it", done(2), waits(2), skypeAway),
		row(says(410, "Gone", "UserAgentNotAllowed"), "the user agent is refused", refused(1), refused(1), wrongAgent),
	)
	s.answer("phones", 0,
		row(says(404, "NotFound", "ApplicationNotFound"), "the application is gone", done(3), waits(2), skypeAway),
		row(says(410, "Gone", "TooManyApplications"), "ended by a newer sign-in of the user", waits(1), waits(1), pushedOut),
		row(says(410, "Gone", "InactiveApplicationExpired"), "ended because nothing came from it", done(3), waits(2), skypeAway),
		row(says(410, "Gone", "UserAgentNotAllowed"), "the user agent is refused", refused(1), refused(1), wrongAgent),
	)
	s.answer("changeNumber", 0,
		row(says(404, "NotFound", "ApplicationNotFound"), "the application is gone", done(2), waits(4), notShown),
		row(says(410, "Gone", "TooManyApplications"), "ended by a newer sign-in of the user", waits(1), waits(1), pushedOut),
		row(says(410, "Gone", "InactiveApplicationExpired"), "ended because nothing came from it", done(2), waits(4), notShown),
		row(says(410, "Gone", "UserAgentNotAllowed"), "the user agent is refused", refused(1), refused(1), wrongAgent),
	)
	return s
}

// X-Ms-diagnostics of the ticket layer, met by deployed clients; UCWA documents
// none.
const (
	typeNotAllowed = `28029;source="pool";reason="The authentication type is not allowed."`
	wrongPool      = `28032;source="pool";reason="The web ticket is invalid."`
	oauthInvalid   = `28055;source="pool";reason="The OAuth token is invalid."`
)
