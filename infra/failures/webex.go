package failures

import (
	"time"
)

func webexAvailable() Section {
	s := Section{
		Title:    "Webex: available numbers",
		Commands: []Command{Assign},
		Text:     "Listing the numbers of a location. Nothing is changed, so the call can be repeated.",
	}
	s.answer("availableNumbers", 0,
		row(says(201, "", ""), "created: not expected", waits(1), waits(1), webexAway),
		row(says(202, "", ""), "accepted: not expected", waits(1), waits(1), webexAway),
		row(says(204, "", ""), "no content: not expected", waits(1), waits(1), webexAway),
		row(page(200), "not the list", done(2), waits(4), webexAway).note("web page"),
		row(says(400, "", ""), "the request is not valid", refused(1), refused(1), badLocation),
		row(says(401, "", ""), "the token is missing or wrong", done(2), waits(2).atLeast(2*time.Minute), tokenRefused),
		row(says(403, "", ""), "access is refused", refused(1), refused(1), wrongScope),
		row(says(404, "", ""), "there is no such resource", refused(1), refused(1), badLocation),
		row(says(405, "", ""), "the method is not supported", refused(1), refused(1), webexMalformed),
		row(says(409, "", ""), "a rule of the system stands against it", refused(1), refused(1), webexConflict),
		row(says(410, "", ""), "the resource is gone", refused(1), refused(1), webexMalformed),
		row(says(415, "", ""), "the media type is not supported", refused(1), refused(1), webexMalformed),
		row(says(423, "", ""), "locked for a while", done(2), waits(4), webexAway),
		row(says(428, "", ""), "a file could not be scanned", refused(1), refused(1), webexMalformed),
		row(says(429, "", ""), "too many requests", waits(1).atLeast(5*time.Second), waits(1).atLeast(5*time.Second), webexAway),
		row(says(451, "", ""), "the data is in another region", refused(1), refused(1), wrongRegion),
		row(says(500, "", ""), "something went wrong on the server", done(2), waits(2), webexAway),
		row(says(502, "", ""), "an upstream server gave no valid answer", done(2), waits(4), webexAway),
		row(says(503, "", ""), "overloaded", done(2), waits(4), webexAway),
		row(says(504, "", ""), "an upstream server did not answer in time; a smaller max may help", done(2), waits(5).atLeast(4*time.Second), webexPaused),
		row(with(says(423, "", ""), "Retry-After", "30"), "locked for a while", waits(1).atLeast(30*time.Second), waits(1).atLeast(30*time.Second), webexAway).note("Retry-After: 30"),
		row(with(says(429, "", ""), "Retry-After", "30"), "too many requests", waits(1).atLeast(30*time.Second), waits(1).atLeast(30*time.Second), webexAway).note("Retry-After: 30"),
		row(with(says(503, "", ""), "Retry-After", "30"), "overloaded", waits(1).atLeast(30*time.Second), waits(1).atLeast(30*time.Second), webexAway).note("Retry-After: 30"),
		row(with(says(502, "", ""), "cisco-spark-error-codes", "4251"), "a refusal that a gateway has wrapped", done(2), refused(2), webexInvalid).note("with cisco-spark-error-codes"),
		row(cutOff(), "no answer; the call may or may not have arrived", done(2), waits(4), webexAway).note("connection lost"),
		row(silence(), "no answer in time; the call may or may not have arrived", waits(1), waits(1), webexAway).note("no answer"),
	)
	return s
}

func webexInventory() Section {
	s := Section{
		Title:    "Webex: inventory of numbers",
		Commands: []Command{Assign},
		Text:     "Looking up the few numbers that are to be handed out.",
	}
	s.answer("numbers", 0,
		row(says(201, "", ""), "created: not expected", waits(1), waits(1), webexAway),
		row(says(202, "", ""), "accepted: not expected", waits(1), waits(1), webexAway),
		row(says(204, "", ""), "no content: not expected", waits(1), waits(1), webexAway),
		row(page(200), "not the list", done(2), waits(4), webexAway).note("web page"),
		row(says(400, "", ""), "the request is not valid", refused(1), refused(1), badLocation),
		row(says(401, "", ""), "the token is missing or wrong", done(2), waits(2).atLeast(2*time.Minute), tokenRefused),
		row(says(403, "", ""), "access is refused", refused(1), refused(1), wrongScope),
		row(says(404, "", ""), "there is no such resource", refused(1), refused(1), badLocation),
		row(says(405, "", ""), "the method is not supported", refused(1), refused(1), webexMalformed),
		row(says(409, "", ""), "a rule of the system stands against it", refused(1), refused(1), webexConflict),
		row(says(410, "", ""), "the resource is gone", refused(1), refused(1), webexMalformed),
		row(says(415, "", ""), "the media type is not supported", refused(1), refused(1), webexMalformed),
		row(says(423, "", ""), "locked for a while", done(2), waits(4), webexAway),
		row(says(428, "", ""), "a file could not be scanned", refused(1), refused(1), webexMalformed),
		row(says(429, "", ""), "too many requests", waits(1).atLeast(5*time.Second), waits(1).atLeast(5*time.Second), webexAway),
		row(says(451, "", ""), "the data is in another region", refused(1), refused(1), wrongRegion),
		row(says(500, "", ""), "something went wrong on the server", done(2), waits(2), webexAway),
		row(says(502, "", ""), "an upstream server gave no valid answer", done(2), waits(4), webexAway),
		row(says(503, "", ""), "overloaded", done(2), waits(4), webexAway),
		row(says(504, "", ""), "an upstream server did not answer in time; a smaller max may help", done(2), waits(5).atLeast(4*time.Second), webexPaused),
		row(with(says(423, "", ""), "Retry-After", "30"), "locked for a while", waits(1).atLeast(30*time.Second), waits(1).atLeast(30*time.Second), webexAway).note("Retry-After: 30"),
		row(with(says(429, "", ""), "Retry-After", "30"), "too many requests", waits(1).atLeast(30*time.Second), waits(1).atLeast(30*time.Second), webexAway).note("Retry-After: 30"),
		row(with(says(503, "", ""), "Retry-After", "30"), "overloaded", waits(1).atLeast(30*time.Second), waits(1).atLeast(30*time.Second), webexAway).note("Retry-After: 30"),
		row(with(says(502, "", ""), "cisco-spark-error-codes", "4251"), "a refusal that a gateway has wrapped", done(2), refused(2), webexInvalid).note("with cisco-spark-error-codes"),
		row(cutOff(), "no answer; the call may or may not have arrived", done(2), waits(4), webexAway).note("connection lost"),
		row(silence(), "no answer in time; the call may or may not have arrived", waits(1), waits(1), webexAway).note("no answer"),
	)
	return s
}

func webexToken() Section {
	s := Section{
		Title:    "Webex: renewing the access token",
		Commands: []Command{Assign},
		Text:     "One process at a time renews the token. A refused renewal is for an administrator to mend; requests wait meanwhile.",
	}
	s.answer("accessToken", 0,
		row(says(400, "", ""), "the refresh token is not valid", waits(1).atLeast(2*time.Minute), waits(1).atLeast(2*time.Minute), tokenRefused),
		row(says(401, "", ""), "the client is not known", waits(1).atLeast(2*time.Minute), waits(1).atLeast(2*time.Minute), tokenRefused),
		row(says(403, "", ""), "access is refused", waits(1).atLeast(2*time.Minute), waits(1).atLeast(2*time.Minute), tokenRefused),
		row(says(404, "", ""), "there is no such resource", waits(1).atLeast(2*time.Minute), waits(1).atLeast(2*time.Minute), tokenRefused),
		row(says(429, "", ""), "too many requests", waits(1).atLeast(5*time.Second), waits(1).atLeast(5*time.Second), notRenewed),
		row(says(500, "", ""), "something went wrong on the server", waits(1), waits(1), notRenewed),
		row(says(503, "", ""), "overloaded", waits(1), waits(1), notRenewed),
		row(cutOff(), "no answer; the call may or may not have arrived", waits(1), waits(1), notRenewed).note("connection lost"),
		row(silence(), "no answer in time; the call may or may not have arrived", waits(1), waits(1), notRenewed).note("no answer"),
	)
	return s
}
