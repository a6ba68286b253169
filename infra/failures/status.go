package failures

import (
	"time"

	"dialtone/infra/sim/simkit"
)

func statusOfReads() Section {
	s := Section{
		Title:    "Any status, before the change",
		Commands: []Command{Assign, Release},
		Text:     "The table of HTTP statuses, for a call that only reads; UCWA answers in JSON or XML, whatever stands in front of it with a web page.",
	}
	s.answer("phones", 0,
		row(says(400, "BadRequest", ""), "the request is not right", refused(1), refused(1), malformed),
		row(page(401), "the token is not accepted", done(4), waits(3), skypeAway).note("with a challenge or without"),
		row(says(403, "Forbidden", ""), "not allowed", refused(1), refused(1), noVoice),
		row(page(403), "forbidden by something in front of UCWA", done(3), refused(2), inFront).note("web page"),
		row(says(404, "NotFound", ""), "there is no such resource", done(3), waits(2), skypeAway),
		row(page(404), "nothing is there", done(3), waits(2), skypeAway).note("web page"),
		row(says(405, "MethodNotAllowed", ""), "the verb is not supported", refused(1), refused(1), malformed),
		row(says(408, "ClientTimeout", ""), "the client took too long", done(3), waits(3), skypeAway),
		row(says(409, "Conflict", ""), "the state of the resource stands against it", refused(1), refused(1), notSupported),
		row(says(409, "Conflict", "AnotherOperationPending"), "another operation is under way", waits(1), waits(1), skypeAway),
		row(says(410, "Gone", ""), "the resource is gone", done(3), waits(2), skypeAway),
		row(says(412, "PreconditionFailed", ""), "changed since it was read", done(3), waits(2), skypeAway),
		row(says(413, "EntityTooLarge", ""), "the request is too large", refused(1), refused(1), malformed),
		row(says(415, "UnsupportedMediaType", ""), "the content type is not supported", refused(1), refused(1), malformed),
		row(says(428, "PreconditionRequired", ""), "If-Match is missing", refused(1), refused(1), malformed),
		row(says(429, "TooManyRequests", ""), "too many requests", waits(1), waits(1), skypeAway),
		row(with(says(429, "TooManyRequests", ""), "Retry-After", "30"), "too many requests", waits(1).atLeast(30*time.Second), waits(1).atLeast(30*time.Second), skypeAway).note("Retry-After: 30"),
		row(says(500, "ServiceFailure", ""), "an internal error", done(3), waits(3), skypeAway),
		row(diagnosed(page(500), wrongPool), "the web ticket is of another pool", done(4), waits(2), skypeAway).note("28032"),
		row(page(502), "a gateway gets no answer", done(3), waits(6), skypeAway),
		row(says(503, "ServiceUnavailable", ""), "not available", done(3), waits(3), skypeAway),
		row(with(page(503), "Retry-After", "60"), "not available", waits(1).atLeast(time.Minute), waits(1).atLeast(time.Minute), skypeAway).note("web page, Retry-After: 60"),
		row(says(504, "Timeout", ""), "a remote server did not answer in time", done(3), waits(3), skypeAway),
		row(page(200), "not a UCWA document", done(3), waits(3), skypeAway).note("web page"),
		row(cutOff(), "no answer; the call may or may not have arrived", done(3), waits(3), skypeAway).note("connection lost"),
		row(silence(), "no answer in time; the call may or may not have arrived", done(3), waits(3), skypeAway).note("no answer"),
	)
	return s
}

func statusOfChanges() Section {
	s := Section{
		Title:    "Any status, of the change",
		Commands: []Command{Assign, Release},
		Text:     "The same for the call that changes: what leaves open whether the change was made is settled by reading, never by guessing.",
	}
	s.answer("changeNumber", 0,
		row(says(400, "BadRequest", ""), "the request is not right", refused(1), refused(1), malformed),
		row(page(401), "the token is not accepted", done(2), waits(2), skypeAway).note("with a challenge or without"),
		row(says(403, "Forbidden", ""), "not allowed", refused(1), refused(1), noVoice),
		row(page(403), "forbidden by something in front of UCWA", done(2), refused(2), inFront).note("web page"),
		row(says(404, "NotFound", ""), "there is no such resource", done(2), waits(4), notShown),
		row(page(404), "nothing is there", done(2), waits(2), skypeAway).note("web page"),
		row(says(405, "MethodNotAllowed", ""), "the verb is not supported", refused(1), refused(1), malformed),
		row(says(408, "ClientTimeout", ""), "the client took too long", done(2), waits(4), notShown),
		row(says(409, "Conflict", ""), "the state of the resource stands against it", refused(1), refused(1), directoryPhone),
		row(says(409, "Conflict", "AnotherOperationPending"), "another operation is under way", waits(1), waits(1), skypeAway),
		row(says(410, "Gone", ""), "the resource is gone", done(2), waits(4), notShown),
		row(says(412, "PreconditionFailed", ""), "changed since it was read", done(2), waits(4), notShown),
		row(says(413, "EntityTooLarge", ""), "the request is too large", refused(1), refused(1), malformed),
		row(says(415, "UnsupportedMediaType", ""), "the content type is not supported", refused(1), refused(1), malformed),
		row(says(428, "PreconditionRequired", ""), "If-Match is missing", refused(1), refused(1), malformed),
		row(says(429, "TooManyRequests", ""), "too many requests", waits(1), waits(1), skypeAway),
		row(with(says(429, "TooManyRequests", ""), "Retry-After", "30"), "too many requests", waits(1).atLeast(30*time.Second), waits(1).atLeast(30*time.Second), skypeAway).note("Retry-After: 30"),
		row(says(500, "ServiceFailure", ""), "an internal error", done(2), waits(4), notShown),
		row(diagnosed(page(500), wrongPool), "the web ticket is of another pool", done(2), waits(2), skypeAway).note("28032"),
		row(page(502), "a gateway gets no answer", done(2), waits(4), notShown),
		row(says(503, "ServiceUnavailable", ""), "not available", waits(1), waits(1), skypeAway),
		row(with(page(503), "Retry-After", "60"), "not available", waits(1).atLeast(time.Minute), waits(1).atLeast(time.Minute), skypeAway).note("web page, Retry-After: 60"),
		row(says(504, "Timeout", ""), "a remote server did not answer in time", done(2), waits(4), notShown),
		row(simkit.Fault{Apply: true, Status: 504, Code: "Timeout"}, "the same, and the change was made", done(1), done(1), Words{}).note("change made"),
		row(page(200), "not a UCWA document", done(2), waits(4), notShown).note("web page"),
		row(cutOff(), "no answer; the call may or may not have arrived", done(2), waits(4), notShown).note("connection lost"),
		row(simkit.Fault{ResetAfter: true}, "no answer, and the change was made", done(1), done(1), Words{}).note("connection lost, change made"),
		row(silence(), "no answer in time; the call may or may not have arrived", done(2), waits(4), notShown).note("no answer"),
	)
	return s
}

func statusOfReadBack() Section {
	s := Section{
		Title:    "Any status, after the change",
		Commands: []Command{Assign, Release},
		Text:     "The same for the call that reads the change back. As long as that fails, it is not known whether the change stands: the message waits, whatever the answer is.",
	}
	s.answer("phones", 1,
		row(says(400, "BadRequest", ""), "the request is not right", waits(2), waits(2), notReadBack),
		row(page(401), "the token is not accepted", done(4), waits(4), notReadBack).note("with a challenge or without"),
		row(says(403, "Forbidden", ""), "not allowed", waits(2), waits(2), notReadBack),
		row(page(403), "forbidden by something in front of UCWA", done(3), waits(4), notReadBack).note("web page"),
		row(says(404, "NotFound", ""), "there is no such resource", done(3), waits(4), notReadBack),
		row(page(404), "nothing is there", done(3), waits(4), notReadBack).note("web page"),
		row(says(405, "MethodNotAllowed", ""), "the verb is not supported", waits(2), waits(2), notReadBack),
		row(says(408, "ClientTimeout", ""), "the client took too long", done(3), waits(4), notReadBack),
		row(says(409, "Conflict", ""), "the state of the resource stands against it", waits(2), waits(2), notReadBack),
		row(says(409, "Conflict", "AnotherOperationPending"), "another operation is under way", waits(2), waits(2), notReadBack),
		row(says(410, "Gone", ""), "the resource is gone", done(3), waits(4), notReadBack),
		row(says(412, "PreconditionFailed", ""), "changed since it was read", done(3), waits(4), notReadBack),
		row(says(413, "EntityTooLarge", ""), "the request is too large", waits(2), waits(2), notReadBack),
		row(says(415, "UnsupportedMediaType", ""), "the content type is not supported", waits(2), waits(2), notReadBack),
		row(says(428, "PreconditionRequired", ""), "If-Match is missing", waits(2), waits(2), notReadBack),
		row(says(429, "TooManyRequests", ""), "too many requests", waits(2), waits(2), notReadBack),
		row(with(says(429, "TooManyRequests", ""), "Retry-After", "30"), "too many requests", waits(2).atLeast(30*time.Second), waits(2).atLeast(30*time.Second), notReadBack).note("Retry-After: 30"),
		row(says(500, "ServiceFailure", ""), "an internal error", done(3), waits(4), notReadBack),
		row(diagnosed(page(500), wrongPool), "the web ticket is of another pool", done(4), waits(3), notReadBack).note("28032"),
		row(page(502), "a gateway gets no answer", done(3), waits(10), notReadBack),
		row(says(503, "ServiceUnavailable", ""), "not available", done(3), waits(4), notReadBack),
		row(with(page(503), "Retry-After", "60"), "not available", waits(2).atLeast(time.Minute), waits(2).atLeast(time.Minute), notReadBack).note("web page, Retry-After: 60"),
		row(says(504, "Timeout", ""), "a remote server did not answer in time", done(3), waits(4), notReadBack),
		row(says(403, "Forbidden", "None"), "the user is not enabled for enterprise voice", waits(2), waits(2), notReadBack),
		row(page(200), "not a UCWA document", done(3), waits(4), notReadBack).note("web page"),
		row(cutOff(), "no answer; the call may or may not have arrived", done(3), waits(4), notReadBack).note("connection lost"),
		row(silence(), "no answer in time; the call may or may not have arrived", done(3), waits(4), notReadBack).note("no answer"),
	)
	return s
}
