package ucwa

import (
	"testing"

	"dialtone/shared/failure"
)

// row is one line of an error table with what it means to a caller when it
// answers a read, and when it answers a change.
type row struct {
	status       int
	code         string
	subcode      string
	read, change verdict
}

func same(status int, code, subcode string, c failure.Class, r Remedy) row {
	return row{status, code, subcode, verdict{c, r}, verdict{c, r}}
}

// open is a row after which nobody knows whether a change was applied.
func open(status int, code, subcode string) row {
	return row{status, code, subcode, verdict{failure.Unavailable, Retry}, verdict{failure.Unknown, Verify}}
}

func checkRows(t *testing.T, contentType string, rows []row) {
	t.Helper()
	for _, r := range rows {
		for e, want := range map[effect]verdict{reads: r.read, settles: r.read, changes: r.change} {
			a := answer{effect: e, status: r.status, contentType: contentType, code: r.code, subcode: r.subcode}
			if got := classify(a); got != want {
				t.Errorf("%d %s/%s on effect %d: %s %s, want %s %s", r.status, r.code, r.subcode, e,
					got.class, got.remedy, want.class, want.remedy)
			}
		}
	}
}

// Every row of the error table of UCWA 2.0: phones.
func TestClassifyPhones(t *testing.T) {
	t.Parallel()
	checkRows(t, "application/json", []row{
		same(403, "Forbidden", "AnonymousNotAllowed", failure.Denied, None),
		same(403, "Forbidden", "None", failure.Denied, None), // not enabled for enterprise voice
		same(500, "ServiceFailure", "InvalidExchangeServerVersion", failure.Denied, None),
		same(409, "Conflict", "AlreadyExists", failure.Denied, None),
		same(409, "Conflict", "TooManyGroups", failure.Denied, None),
		same(409, "Conflict", "None", failure.Denied, None), // unsupported service, resource or API
		same(410, "Gone", "CannotRedirect", failure.Unavailable, Rediscover),
	})
}

// Every row of the error table of UCWA 2.0: changeNumber.
func TestClassifyChangeNumber(t *testing.T) {
	t.Parallel()
	checkRows(t, "application/xml; charset=utf-8", []row{
		same(403, "Forbidden", "None", failure.Denied, None), // not enabled for enterprise voice
		same(409, "Conflict", "None", failure.Denied, None),  // set in Active Directory
		same(400, "BadRequest", NormalizationFailed, failure.Invalid, None),
		open(500, "ServiceFailure", "CallbackChannelError"),
		same(409, "Conflict", "AlreadyExists", failure.Denied, None),
		same(409, "Conflict", "TooManyGroups", failure.Denied, None),
		same(409, "Conflict", "", failure.Denied, None), // unsupported service, resource or API
		same(410, "Gone", "CannotRedirect", failure.Unavailable, Rediscover),
	})
}

// All 17 rows of UCWA 2.0: Generic synchronous errors.
func TestClassifyGenericErrors(t *testing.T) {
	t.Parallel()
	checkRows(t, "application/vnd.microsoft.com.ucwa+json", []row{
		same(404, "NotFound", ApplicationNotFound, failure.Unavailable, Recreate),
		same(400, "BadRequest", "", failure.Invalid, None),
		same(400, "BadRequest", "DeserializationFailure", failure.Invalid, None),
		same(413, "EntityTooLarge", "", failure.Invalid, None),
		open(500, "ExchangeServiceFailure", ""),
		open(504, "ExchangeServiceFailure", "ExchangeTimeout"),
		same(410, "Gone", "InactiveApplicationExpired", failure.Unavailable, Recreate),
		same(405, "MethodNotAllowed", "", failure.Invalid, None),
		same(403, "Forbidden", "MobileApplicationNoLongerAllowed", failure.Denied, None),
		same(400, "BadRequest", "ParameterValidationFailure", failure.Invalid, None),
		same(412, "PreconditionFailed", "", failure.Unavailable, Refresh),
		same(428, "PreconditionRequired", "", failure.Invalid, None),
		same(404, "NotFound", "", failure.Unavailable, Refresh),
		open(500, "ServiceFailure", ""),
		open(504, "Timeout", "ServiceTimeout"),
		same(410, "Gone", TooManyApplications, failure.Unavailable, Retry),
		same(415, "UnsupportedMediaType", "UnsupportedMediaType", failure.Invalid, None),
		same(404, "NotFound", "APIVersionNotSupported", failure.Denied, None),
	})
}

// Every row of the HTTP status table of UCWA 2.0: Errors and informational
// messages, as UCWA itself answers.
func TestClassifyStatuses(t *testing.T) {
	t.Parallel()
	checkRows(t, "application/json", []row{
		same(400, "BadRequest", "", failure.Invalid, None),
		same(401, "", "", failure.Unavailable, Reauthenticate),
		same(403, "Forbidden", "", failure.Denied, None),
		same(404, "NotFound", "", failure.Unavailable, Refresh),
		same(405, "MethodNotAllowed", "", failure.Invalid, None),
		same(406, "NotAcceptable", "", failure.Invalid, None),
		open(408, "ClientTimeout", ""),
		same(409, "Conflict", "", failure.Denied, None),
		same(409, "Conflict", "AnotherOperationPending", failure.Unavailable, Retry),
		same(409, "Conflict", "ProvisioningDataUnavailable", failure.Unavailable, Retry),
		same(409, "Conflict", "MigrationInProgress", failure.Unavailable, Retry),
		same(409, "Conflict", "SomethingNew", failure.Denied, None),
		same(403, "Forbidden", "LimitExceeded", failure.Denied, None),
		same(410, "Gone", "", failure.Unavailable, Recreate),
		same(410, "Gone", "UserAgentNotAllowed", failure.Denied, None),
		same(412, "PreconditionFailed", "", failure.Unavailable, Refresh),
		same(413, "EntityTooLarge", "", failure.Invalid, None),
		same(415, "UnsupportedMediaType", "", failure.Invalid, None),
		same(428, "PreconditionRequired", "", failure.Invalid, None),
		same(429, "TooManyRequests", "", failure.Unavailable, Retry),
		open(500, "ServiceFailure", ""),
		{502, "", "", verdict{failure.Unavailable, Rediscover}, verdict{failure.Unknown, Verify}},
		same(503, "ServiceUnavailable", "", failure.Unavailable, Retry),
		open(504, "Timeout", ""),
	})
}

// The same statuses from a proxy, IIS or the ticket layer: a page for people.
func TestClassifyForeignAnswers(t *testing.T) {
	t.Parallel()
	checkRows(t, "text/html; charset=utf-8", []row{
		same(302, "", "", failure.Unavailable, Rediscover),
		same(400, "", "", failure.Invalid, None),
		same(401, "", "", failure.Unavailable, Reauthenticate),
		same(403, "", "", failure.Denied, Rediscover),
		same(404, "", "", failure.Unavailable, Rediscover),
		same(407, "", "", failure.Denied, None),
		same(410, "", "", failure.Unavailable, Rediscover),
		same(429, "", "", failure.Unavailable, Retry),
		open(500, "", ""),
		{502, "", "", verdict{failure.Unavailable, Rediscover}, verdict{failure.Unknown, Verify}},
		same(503, "", "", failure.Unavailable, Retry),
		open(504, "", ""),
		open(200, "", ""), // a success nobody can read
	})
}

func TestClassifyDiagnostics(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status      int
		diagnostics string
		want        verdict
	}{
		{500, `28032;source="fe2.contoso.test";reason="The web ticket is invalid."`, verdict{failure.Unavailable, Reauthenticate}},
		{403, `28055;source="fe1.contoso.test";reason="The OAuth token is invalid."`, verdict{failure.Unavailable, Reauthenticate}},
		{500, `28033;source="fe1.contoso.test";reason="Other."`, verdict{failure.Unknown, Verify}},
		{503, `28032;source="fe1.contoso.test"`, verdict{failure.Unavailable, Retry}},
	} {
		a := answer{effect: changes, status: c.status, contentType: "text/html", diagnostics: c.diagnostics}
		if got := classify(a); got != c.want {
			t.Errorf("%d %s: %v, want %v", c.status, c.diagnostics, got, c.want)
		}
	}
}

// Every error of the token endpoint (UCWA 2.0: Authentication in UCWA).
func TestClassifyToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		code   string
		want   verdict
	}{
		{400, "invalid_request", verdict{failure.Invalid, None}},
		{400, "invalid_grant", verdict{failure.Denied, None}},
		{400, "unsupported_grant_type", verdict{failure.Denied, None}},
		{400, "invalid_scope", verdict{failure.Invalid, None}},
		{400, "server_error", verdict{failure.Unavailable, Retry}},
		{500, "server_error", verdict{failure.Unavailable, Retry}},
		{500, "invalid_grant", verdict{failure.Denied, None}},
		{400, "something_new", verdict{failure.Denied, None}},
		{400, "", verdict{failure.Denied, None}},
		{401, "", verdict{failure.Denied, None}},
		{403, "", verdict{failure.Denied, None}},
		{302, "", verdict{failure.Unavailable, Rediscover}},
		{404, "", verdict{failure.Unavailable, Rediscover}},
		{429, "", verdict{failure.Unavailable, Retry}},
		{500, "", verdict{failure.Unavailable, Retry}},
		{503, "", verdict{failure.Unavailable, Retry}},
	} {
		if got := classifyToken(c.status, c.code); got != c.want {
			t.Errorf("%d %q: %v, want %v", c.status, c.code, got, c.want)
		}
	}
}
