// Package explain puts errors into words for the people who run dialtone: what
// happened and what to do about it, one sentence each, without phone numbers.
package explain

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ucwa"
	"dialtone/shared/webex"
)

// Error returns the failure behind an error, never nil: the [*failure.Error] in
// its chain, or one made from a vendor client's or the ledger's typed error.
// Anything else is class unknown: an internal error, tried again.
func Error(err error) *failure.Error {
	if f := failure.As(err); f != nil {
		return f
	}
	if e := ucwa.As(err); e != nil {
		return fromUCWA(e)
	}
	if e, ok := errors.AsType[*webex.Error](err); ok {
		return fromWebex(e)
	}
	if busy, ok := errors.AsType[*ledger.BusyError](err); ok {
		return &failure.Error{
			Class: failure.Unavailable, Reason: "another delivery of this request is being worked on",
			Advice: waits, RetryAfter: max(0, time.Until(busy.Until)), Err: err,
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return transient("the time for this delivery ran out", err)
	case errors.Is(err, ledger.ErrFenced), errors.Is(err, ledger.ErrChanged):
		return transient("another request of this user got in between", err)
	}
	return &failure.Error{
		Class: failure.Unknown, Reason: "an internal error stopped the request",
		Advice: "Look up the request in the logs by its id; it is tried again.", Err: err,
	}
}

const waits = "Nothing to do: the request waits on its queue and is tried again."

func transient(reason string, err error) *failure.Error {
	return &failure.Error{Class: failure.Unavailable, Reason: reason, Advice: waits, Err: err}
}

// words are what a person reads of an error.
type words struct{ reason, advice string }

func fromUCWA(e *ucwa.Error) *failure.Error {
	w := ucwaWords(e)
	up := e.Upstream()
	return &failure.Error{Class: e.Class, Reason: w.reason, Advice: w.advice, Upstream: &up, RetryAfter: e.RetryAfter, Err: e}
}

func ucwaWords(e *ucwa.Error) words {
	for _, c := range append(forwardingCases(), ucwaCases...) {
		if c.is(e) {
			return c.words
		}
	}
	return byClass("Skype for Business", e.Class)
}

// ucwaCase is a failure that has words of its own.
type ucwaCase struct {
	is func(*ucwa.Error) bool
	words
}

// ucwaCases are tried in order; the first that fits speaks.
var ucwaCases = []ucwaCase{
	{because(ucwa.ErrWrongUser), words{
		"the credentials signed in another person; nothing was changed",
		"Correct the secret of this user so that it names the user's own account, then replay the request.",
	}},
	{because(ucwa.ErrGrantNotOffered), words{
		"the user's pool does not offer the configured way to sign in",
		"Set UCWA_AUTH to a way that the pool offers, or allow it with Set-CsAuthConfig, then replay the request.",
	}},
	{code("invalid_grant"), words{
		"Skype for Business refused the user's name or password",
		"Correct the user's secret, then replay the request; tries before that could lock the account.",
	}},
	{code("unsupported_grant_type"), words{
		"the user's pool does not allow the configured way to sign in",
		"Set UCWA_AUTH to a way that the pool offers, then replay the request.",
	}},
	{because(ucwa.ErrUntrusted), words{
		"Skype for Business leads to an address that is not trusted",
		"Check UCWA_DISCOVERY_URL and the lyncdiscover records of the user's domain, then replay the request.",
	}},
	{because(ucwa.ErrMissingLink), words{
		"Skype for Business does not offer this change to the user",
		"Check the user's voice policy and whether the value is set in Active Directory, then replay the request.",
	}},
	{subcode("NormalizationFailed"), words{
		"Skype for Business could not normalise the number",
		"Check the user's dial plan against the location's numbers, then replay the request.",
	}},
	{subcode("AnonymousNotAllowed"), words{
		"the user was signed in anonymously",
		"Give the user a secret with an account of the directory, then replay the request.",
	}},
	{subcode("UserAgentNotAllowed"), words{
		"the pool's policy refuses this client",
		"Allow the user agent in the pool's client version policy, then replay the request.",
	}},
	{subcode("MobileApplicationNoLongerAllowed"), notThisKind},
	{either(subcode("APIVersionNotSupported"), code("VersionNotSupported")), words{
		"the user's pool does not know this version of UCWA",
		"Move the user to a pool of Skype for Business Server 2015 or later, then replay the request.",
	}},
	{subcode("InvalidExchangeServerVersion"), words{
		"the user's mailbox is on an Exchange version that the pool does not support",
		"Move the mailbox to a supported Exchange version, then replay the request.",
	}},
	{subcode(ucwa.TooManyApplications), words{
		"another sign-in of the user pushed this one out",
		"Nothing to do: the request is tried again later, so as not to push out the user's own devices.",
	}},
	{forbidden(inFront), words{
		"something in front of Skype for Business refuses the call",
		"Check the proxy and the publishing rules of the user's pool, then replay the request.",
	}},
	{both(operation("token"), refusedAs(failure.Denied)), words{
		"the user's pool refuses the sign-in",
		"Check that the account is enabled and may sign in this way, then replay the request.",
	}},
	{both(operation("token"), refusedAs(failure.Invalid)), words{
		"the user's pool does not understand the sign-in",
		"Check the user's secret and UCWA_AUTH, and what stands between dialtone and the pool, then replay the request.",
	}},
	{forbidden(operation("createApplication")), notThisKind},
	{forbidden(unexplained), words{
		"the user is not enabled for Enterprise Voice",
		"Enable Enterprise Voice for the user (Set-CsUser -EnterpriseVoiceEnabled $true), then replay the request.",
	}},
	{both(status(http.StatusConflict), both(operation("changeNumber"), unexplained)), words{
		"the phone is set in Active Directory, or the pool does not support the operation",
		"Have a directory administrator change the value, then drop or replay the request.",
	}},
	{status(http.StatusConflict), words{
		"the user's pool does not support the operation, or what it has on the user stands against it",
		"See the upstream answer, have an administrator of the pool remove the obstacle, then replay the request.",
	}},
	{refusedAs(failure.Invalid), words{
		"Skype for Business does not accept the call as dialtone makes it",
		"See the upstream answer; look for a proxy that changes calls on their way, else report a fault of dialtone; then replay the request.",
	}},
}

// notThisKind are the words for a user whose applications policy forbids.
var notThisKind = words{
	"the user is not allowed applications of this kind",
	"Allow them in the user's mobility and client policies, then replay the request.",
}

func because(cause error) func(*ucwa.Error) bool {
	return func(e *ucwa.Error) bool { return errors.Is(e, cause) }
}

func code(c string) func(*ucwa.Error) bool {
	return func(e *ucwa.Error) bool { return e.Code == c }
}

func subcode(s string) func(*ucwa.Error) bool {
	return func(e *ucwa.Error) bool { return e.Subcode == s }
}

func status(s int) func(*ucwa.Error) bool {
	return func(e *ucwa.Error) bool { return e.Status == s && e.Class == failure.Denied }
}

// forbidden is a 403 that is final. What it means depends on who says it: the
// page of each resource has its own reason for the same empty subcode.
func forbidden(says func(*ucwa.Error) bool) func(*ucwa.Error) bool {
	return func(e *ucwa.Error) bool { return status(http.StatusForbidden)(e) && says(e) }
}

// unexplained: no subcode says what the status is about.
func unexplained(e *ucwa.Error) bool {
	return e.Subcode == "" || strings.EqualFold(e.Subcode, "None")
}

func refusedAs(c failure.Class) func(*ucwa.Error) bool {
	return func(e *ucwa.Error) bool { return e.Class == c }
}

func either(a, b func(*ucwa.Error) bool) func(*ucwa.Error) bool {
	return func(e *ucwa.Error) bool { return a(e) || b(e) }
}

func operation(name string) func(*ucwa.Error) bool {
	return func(e *ucwa.Error) bool { return e.Operation == name }
}

// inFront: UCWA itself answers 403 in JSON or XML, which leaves nothing to look up again.
func inFront(e *ucwa.Error) bool { return e.Remedy == ucwa.Rediscover }

// tokenWait is how often a request looks whether the Webex token was renewed.
const tokenWait = 2 * time.Minute

// fromWebex keeps requests on their queue when the token is refused: that is
// for an operator to mend, and then every request can go on as it is.
func fromWebex(e *webex.Error) *failure.Error {
	w := webexWords(e)
	up := e.Upstream()
	f := &failure.Error{Class: e.Class, Reason: w.reason, Advice: w.advice, Upstream: &up, RetryAfter: e.RetryAfter, Err: e}
	if refusedToken(e) {
		f.Class, f.RetryAfter = failure.Unavailable, max(e.RetryAfter, tokenWait)
	}
	return f
}

// refusedToken also finds the failed renewal behind a call that it left without
// a token. A renewal that only got no answer is none.
func refusedToken(e *webex.Error) bool {
	if e.Status == http.StatusUnauthorized || e.Operation == renewal && e.Class == failure.Denied {
		return true
	}
	cause, ok := errors.AsType[*webex.Error](e.Err)
	return ok && refusedToken(cause)
}

// renewal is the client's name for the call that renews the access token.
const renewal = "refreshToken"

// unrenewed reports a call that was not made because the access token could not
// be renewed now.
func unrenewed(e *webex.Error) bool {
	cause, ok := errors.AsType[*webex.Error](e.Err)
	return e.Operation == renewal || ok && unrenewed(cause)
}

func webexWords(e *webex.Error) words {
	if refusedToken(e) {
		return words{
			"Webex refused the access token or its renewal",
			"Renew the token in the Webex secret; requests wait on their queue meanwhile.",
		}
	}
	if unrenewed(e) {
		return words{"the access token for Webex cannot be renewed now", waits}
	}
	switch e.Status {
	case 400, 404:
		return words{
			"Webex does not know the location or refuses a value of the request",
			"Check locationId, licenseType and orgId against Control Hub, correct them and send the request again.",
		}
	case 403:
		return words{
			"the Webex token may not read numbers",
			"Give the integration the scope spark-admin:telephony_config_read and an administrator role, then replay the request.",
		}
	case 405, 410, 415, 428:
		return words{
			"Webex does not offer the call as dialtone makes it",
			"Check WEBEX_BASE_URL, and what stands between dialtone and Webex; else report a fault of dialtone; then replay the request.",
		}
	case 409:
		return words{
			"Webex refuses to list numbers as its system stands",
			"See the upstream answer, ask Cisco's support with the tracking id if it does not tell, then replay the request.",
		}
	case 451:
		return words{
			"Webex keeps the organisation in another region",
			"Set WEBEX_BASE_URL to the host of the organisation's region, then replay the request.",
		}
	}
	return byClass("Webex", e.Class)
}

// byClass are the words where the vendor gave no reason worth repeating.
func byClass(system string, c failure.Class) words {
	switch c {
	case failure.Unavailable:
		return words{system + " cannot answer now; nothing was changed", waits}
	case failure.Unknown:
		return words{
			"it is not known whether " + system + " applied the change",
			"Nothing to do: the request is tried again and reads first.",
		}
	case failure.Denied:
		return words{system + " refuses the request", "See the upstream answer, remove the obstacle, then replay the request."}
	}
	return words{system + " calls the request invalid", "See the upstream answer, correct the request and send it again."}
}
