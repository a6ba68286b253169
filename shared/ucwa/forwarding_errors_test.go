package ucwa_test

import (
	"fmt"
	"net/http"
	"testing"

	"dialtone/shared/failure"
	"dialtone/shared/ucwa"
)

// errorRow is a line of an error table with what it means to the caller.
type errorRow struct {
	status        int
	code, subcode string
	class         failure.Class
	remedy        ucwa.Remedy
}

// The rows that many pages share.
func getRows() []errorRow {
	return []errorRow{
		{500, "ServiceFailure", "InvalidExchangeServerVersion", failure.Denied, ucwa.None},
		{409, "Conflict", "AlreadyExists", failure.Denied, ucwa.None},
		{409, "Conflict", "TooManyGroups", failure.Denied, ucwa.None},
		{409, "Conflict", "None", failure.Denied, ucwa.None}, // unsupported service, resource or API
		{410, "Gone", "CannotRedirect", failure.Unavailable, ucwa.Rediscover},
	}
}

func postRows() []errorRow {
	return append(getRows()[1:], errorRow{500, "ServiceFailure", "CallbackChannelError", failure.Unknown, ucwa.Verify})
}

func putRows() []errorRow {
	return []errorRow{
		{500, "ServiceFailure", "InvalidExchangeServerVersion", failure.Denied, ucwa.None},
		{410, "Gone", "CannotRedirect", failure.Unavailable, ucwa.Rediscover},
		{412, "PreconditionFailed", "None", failure.Unavailable, ucwa.Refresh},
		{428, "PreconditionRequired", "None", failure.Invalid, ucwa.None},
		{400, "BadRequest", "ParameterValidationFailure", failure.Invalid, ucwa.None}, // the random property is missing
	}
}

// genericRows are UCWA 2.0: Generic synchronous errors, as a change meets them.
func genericRows() []errorRow {
	return []errorRow{
		{404, "NotFound", "ApplicationNotFound", failure.Unavailable, ucwa.Recreate},
		{400, "BadRequest", "", failure.Invalid, ucwa.None},
		{400, "BadRequest", "DeserializationFailure", failure.Invalid, ucwa.None},
		{400, "BadRequest", "ParameterValidationFailure", failure.Invalid, ucwa.None},
		{413, "EntityTooLarge", "", failure.Invalid, ucwa.None},
		{500, "ExchangeServiceFailure", "", failure.Unknown, ucwa.Verify},
		{504, "ExchangeServiceFailure", "ExchangeTimeout", failure.Unknown, ucwa.Verify},
		{410, "Gone", "InactiveApplicationExpired", failure.Unavailable, ucwa.Recreate},
		{410, "Gone", "TooManyApplications", failure.Unavailable, ucwa.Retry},
		{405, "MethodNotAllowed", "", failure.Invalid, ucwa.None},
		{403, "Forbidden", "MobileApplicationNoLongerAllowed", failure.Denied, ucwa.None},
		{412, "PreconditionFailed", "", failure.Unavailable, ucwa.Refresh},
		{428, "PreconditionRequired", "", failure.Invalid, ucwa.None},
		{404, "NotFound", "", failure.Unavailable, ucwa.Refresh},
		{404, "NotFound", "APIVersionNotSupported", failure.Denied, ucwa.None},
		{500, "ServiceFailure", "", failure.Unknown, ucwa.Verify},
		{504, "Timeout", "", failure.Unknown, ucwa.Verify},
		{408, "ClientTimeout", "", failure.Unknown, ucwa.Verify},
		{409, "Conflict", "AnotherOperationPending", failure.Unavailable, ucwa.Retry},
		{415, "UnsupportedMediaType", "", failure.Invalid, ucwa.None},
		{429, "TooManyRequests", "", failure.Unavailable, ucwa.Retry},
		{503, "ServiceUnavailable", "", failure.Unavailable, ucwa.Retry},
	}
}

// forbidden is 403 without a subcode, which every operation on call forwarding
// has: not enabled for enterprise voice, or what the page names besides.
func forbidden() errorRow { return errorRow{403, "Forbidden", "None", failure.Denied, ucwa.None} }

func unconfigured(subcode string) []errorRow {
	return []errorRow{
		{403, "Forbidden", subcode, failure.Denied, ucwa.None},
		{409, "Conflict", subcode, failure.Denied, ucwa.None},
	}
}

// checkErrors answers a call with every row, in both formats, and holds the
// operation to what the row means.
func checkErrors(t *testing.T, call, operation string, rows []errorRow, do func(v *voice, cf ucwa.CallForwarding) error) {
	t.Helper()
	for _, format := range []ucwa.Format{ucwa.JSON, ucwa.XML} {
		v := newVoice(t, ucwa.Config{Format: format}, "captured")
		cf := v.read()
		for _, r := range rows {
			v.on(call, func(w http.ResponseWriter, req *http.Request) { reason(w, req, r.status, r.code, r.subcode) })
			e := ucwa.As(do(v, cf))
			what := fmt.Sprintf("%s, format %d, %d %s/%s", call, format, r.status, r.code, r.subcode)
			if e == nil || e.Class != r.class || e.Remedy != r.remedy {
				t.Errorf("%s: %v, want %s, %s", what, e, r.class, r.remedy)
				continue
			}
			if up := e.Upstream(); up.Operation != operation || up.Status != r.status || up.Code != r.code || up.Subcode != r.subcode {
				t.Errorf("%s: upstream %+v", what, up)
			}
		}
	}
}

// UCWA 2.0: simultaneousRingToContact, every row of its table by name, and the
// generic errors.
func TestSimultaneousRingToContactErrors(t *testing.T) {
	t.Parallel()
	rows := []errorRow{
		{403, "Forbidden", "None", failure.Denied, ucwa.None}, // not enabled for enterprise voice or simultaneous ring
		{500, "ServiceFailure", "CallbackChannelError", failure.Unknown, ucwa.Verify},
		{409, "Conflict", "AlreadyExists", failure.Denied, ucwa.None},
		{409, "Conflict", "TooManyGroups", failure.Denied, ucwa.None},
		{409, "Conflict", "None", failure.Denied, ucwa.None}, // unsupported service, resource or API
		{410, "Gone", "CannotRedirect", failure.Unavailable, ucwa.Rediscover},
	}
	const rel = "simultaneousRingToContact"
	checkErrors(t, "POST "+rel, rel, append(rows, genericRows()...), func(v *voice, cf ucwa.CallForwarding) error {
		return v.app.RingContact(v.t.Context(), cf, mobile)
	})
}

// The tables of all actions on call forwarding, by their pages.
func TestForwardingActionErrors(t *testing.T) {
	t.Parallel()
	own := map[string][]errorRow{
		"simultaneousRingToTeam":      unconfigured(ucwa.NoTeamMembersConfigured),
		"simultaneousRingToDelegates": unconfigured(ucwa.NoDelegatesConfigured),
		"immediateForwardToDelegates": unconfigured(ucwa.NoDelegatesConfigured),
	}
	for _, c := range actions() {
		rows := append(append(postRows(), forbidden()), own[c.rel]...)
		checkErrors(t, "POST "+c.rel, c.rel, append(rows, genericRows()...), func(v *voice, cf ucwa.CallForwarding) error {
			return c.do(v.app, v.t, cf)
		})
	}
}

// The tables of the three resources with PUT.
func TestForwardingUpdateErrors(t *testing.T) {
	t.Parallel()
	rows := append(append(putRows(), forbidden()), genericRows()...)
	checkErrors(t, "PUT callForwardingSettings", "updateCallForwarding", rows, func(v *voice, cf ucwa.CallForwarding) error {
		return v.app.UpdateCallForwarding(v.t.Context(), cf, ucwa.ForwardingUpdate{Active: ucwa.NotForwarding})
	})
	checkErrors(t, "PUT simultaneousRingSettings", "updateRingDelay", rows, func(v *voice, cf ucwa.CallForwarding) error {
		return v.app.UpdateRingDelay(v.t.Context(), cf.Ring, 15)
	})
	checkErrors(t, "PUT unansweredCallSettings", "updateRingDelay", rows, func(v *voice, cf ucwa.CallForwarding) error {
		return v.app.UpdateRingDelay(v.t.Context(), cf.NoAnswer, 15)
	})
}

// The tables of what is read: the settings, their parts where they are only
// linked, and the contact. All of it can be read again without harm.
func TestForwardingReadErrors(t *testing.T) {
	t.Parallel()
	rows := append(getRows(), forbidden(), errorRow{404, "NotFound", "ApplicationNotFound", failure.Unavailable, ucwa.Recreate})
	settings := func(v *voice, _ ucwa.CallForwarding) error {
		_, err := v.app.CallForwarding(v.t.Context())
		return err
	}
	checkErrors(t, "GET callForwardingSettings", "callForwardingSettings", rows, settings)
	for _, part := range []string{"immediateForwardSettings", "simultaneousRingSettings", "unansweredCallSettings"} {
		checkErrors(t, "GET "+part, part, rows, func(v *voice, cf ucwa.CallForwarding) error {
			v.on("GET callForwardingSettings", text(200, "application/json", `{"_links":{"`+part+`":{"href":"/`+part+`"}}}`))
			return settings(v, cf)
		})
	}
	checkErrors(t, "GET 282", "contact", rows, func(v *voice, cf ucwa.CallForwarding) error {
		_, err := v.app.ForwardContact(v.t.Context(), cf.Ring)
		return err
	})
}

// TestForwardingReadsAreRepeated: a passing failure of a read is not the caller's.
func TestForwardingReadsAreRepeated(t *testing.T) {
	t.Parallel()
	v := newVoice(t, ucwa.Config{}, "captured")
	calls := 0
	v.on("GET callForwardingSettings", func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls == 1 {
			page(w, 503)
			return
		}
		v.settings(w)
	})
	if _, err := v.app.CallForwarding(t.Context()); err != nil || calls != 2 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
