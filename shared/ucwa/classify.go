package ucwa

import (
	"mime"
	"net/http"
	"strings"

	"dialtone/shared/failure"
)

// effect says what it means when the outcome of a call is not known.
type effect int

const (
	reads   effect = iota // GET
	settles               // repeating it leads to the same state: POST applications, DELETE
	changes               // the user's own data: never repeated blindly
)

// answer is what a failed HTTP exchange showed.
type answer struct {
	effect      effect
	status      int
	contentType string
	code        string
	subcode     string
	diagnostics string
}

// verdict is what an answer means to the caller.
type verdict struct {
	class  failure.Class
	remedy Remedy
}

// Diagnostics that change the meaning of a status; documented nowhere, met by
// deployed clients.
const (
	wrongPoolTicket  = "28032" // with 500: the token was issued by another pool
	oauthTokenFailed = "28055" // with 403: the token is not valid
)

// WrongPool reports that an answer with status 500 is only about a token of
// another pool: the server is well.
func WrongPool(r *http.Response) bool {
	return r.StatusCode == http.StatusInternalServerError && diagnosticCode(r.Header.Get("X-Ms-Diagnostics")) == wrongPoolTicket
}

// classify maps an answer to a class and a remedy. It looks at the reason that
// UCWA gives first and at the status second, because proxies, IIS and the
// ticket layer answer with a status alone.
//
// Sources: UCWA 2.0: Errors and informational messages, Generic synchronous
// errors, ErrorCode, ErrorSubcode, Root URL, phones, changeNumber,
// callForwardingSettings, simultaneousRingToContact and their siblings.
func classify(a answer) verdict {
	if a.tokenRefused() {
		return verdict{failure.Unavailable, Reauthenticate}
	}
	if v, known := a.byReason(); known {
		return v
	}
	return a.byStatus()
}

func (a answer) tokenRefused() bool {
	switch a.status {
	case 401:
		return true
	case 403:
		return diagnosticCode(a.diagnostics) == oauthTokenFailed
	case 500:
		return diagnosticCode(a.diagnostics) == wrongPoolTicket
	}
	return false
}

// byReason judges by subcode, or by code where that carries the name.
func (a answer) byReason() (verdict, bool) {
	reason := a.subcode
	if reason == "" || strings.EqualFold(reason, "None") {
		reason = a.code
	}
	switch reason {
	case ApplicationNotFound, "InactiveApplicationExpired":
		return verdict{failure.Unavailable, Recreate}, true
	case TooManyApplications, PGetReplaced: // someone else is at it
		return verdict{failure.Unavailable, Retry}, true
	case "CannotRedirect":
		return verdict{failure.Unavailable, Rediscover}, true
	case "InvalidExchangeServerVersion", "UserAgentNotAllowed", "APIVersionNotSupported", "VersionNotSupported":
		return verdict{failure.Denied, None}, true
	case "AnotherOperationPending", "ProvisioningDataUnavailable", "MigrationInProgress", "LimitExceeded":
		// Passing states, but only where the status does not say "for good".
		if a.status == 409 {
			return verdict{failure.Unavailable, Retry}, true
		}
	}
	return verdict{}, false
}

func (a answer) byStatus() verdict {
	switch s := a.status; {
	case s == 403 && a.own(), s == 407, s == 409:
		return verdict{failure.Denied, None}
	case s == 403:
		return verdict{failure.Denied, Rediscover}
	case s == 404 && a.own(), s == 412:
		return verdict{failure.Unavailable, Refresh}
	case s == 410 && a.own():
		return verdict{failure.Unavailable, Recreate}
	case s == 404, s == 410, s >= 300 && s < 400:
		return verdict{failure.Unavailable, Rediscover}
	case s == 429, s == 503:
		return verdict{failure.Unavailable, Retry}
	case s == 502 && a.effect != changes:
		return verdict{failure.Unavailable, Rediscover}
	case s == 408, s >= 500, s < 300:
		return unsettled(a.effect)
	}
	return verdict{failure.Invalid, None}
}

// unsettled judges a call whose outcome the answer does not tell.
func unsettled(e effect) verdict {
	if e == changes {
		return verdict{failure.Unknown, Verify}
	}
	return verdict{failure.Unavailable, Retry}
}

// own reports whether UCWA itself answered and not something in front of it:
// only then is the content type JSON or XML.
func (a answer) own() bool { return formatOf(a.contentType) != unknownFormat }

// classifyToken maps the answer of a token endpoint. A refused sign-in is
// final: trying it again can lock the account (UCWA 2.0: Authentication in
// UCWA). Whatever is not known to be passing is taken as a refusal.
func classifyToken(status int, oauthError string) verdict {
	switch {
	case oauthError == "server_error":
		return verdict{failure.Unavailable, Retry}
	case oauthError == "invalid_request", oauthError == "invalid_scope":
		return verdict{failure.Invalid, None}
	case oauthError != "":
		return verdict{failure.Denied, None}
	case status == 404, status == 405, status == 410, status >= 300 && status < 400:
		return verdict{failure.Unavailable, Rediscover} // no token endpoint there
	case status == 408, status == 429, status >= 500, status < 300:
		return verdict{failure.Unavailable, Retry}
	}
	return verdict{failure.Denied, None}
}

// diagnosticCode returns the number that X-Ms-diagnostics starts with.
func diagnosticCode(diagnostics string) string {
	code, _, _ := strings.Cut(diagnostics, ";")
	return strings.TrimSpace(code)
}

const unknownFormat = Format(-1)

// formatOf returns the format of a Content-Type: application/json and
// application/vnd.microsoft.com.ucwa+json, and the same for XML.
func formatOf(contentType string) Format {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(contentType), ";")
	}
	_, sub, _ := strings.Cut(strings.TrimSpace(media), "/")
	switch {
	case sub == "json" || strings.HasSuffix(sub, "+json"):
		return JSON
	case sub == "xhtml+xml": // a page for people
		return unknownFormat
	case sub == "xml" || strings.HasSuffix(sub, "+xml"):
		return XML
	}
	return unknownFormat
}
