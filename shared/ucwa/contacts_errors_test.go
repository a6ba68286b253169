package ucwa_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ucwa"
)

// checkRoster answers a call with every row, in both formats, and holds the
// operation to what the row means.
func checkRoster(t *testing.T, call, operation string, rows []errorRow, do func(ctx context.Context, r *roster, s ucwa.Subscription) error) {
	t.Helper()
	for _, format := range []ucwa.Format{ucwa.JSON, ucwa.XML} {
		r := newRoster(t, ucwa.Config{Format: format})
		s := r.read()
		r.state = "Connected"
		for _, row := range rows {
			r.answers[call] = func(w http.ResponseWriter, req *http.Request) {
				w.Header().Set("Retry-After", "60") // too long to be waited for
				reason(w, req, row.status, row.code, row.subcode)
			}
			e := ucwa.As(do(t.Context(), r, s))
			what := fmt.Sprintf("%s, format %d, %d %s/%s", call, format, row.status, row.code, row.subcode)
			if e == nil || e.Class != row.class || e.Remedy != row.remedy {
				t.Errorf("%s: %v, want %s, %s", what, e, row.class, row.remedy)
				continue
			}
			if up := e.Upstream(); up.Operation != operation || up.Status != row.status || up.Code != row.code || up.Subcode != row.subcode {
				t.Errorf("%s: upstream %+v", what, up)
			}
		}
	}
}

// subscribing are the rows of start, refresh and stop, each by name, and the
// generic errors as calls meet them that can be repeated.
func subscribing() []errorRow {
	rows := []errorRow{
		{403, "Forbidden", "None", failure.Denied, ucwa.None},      // may not modify the contact list
		{403, "Forbidden", "", failure.Denied, ucwa.None},          // may not access or set delegates
		{403, "Forbidden", "None", failure.Denied, ucwa.None},      // may not access or expand distribution groups
		{409, "Conflict", "None", failure.Unavailable, ucwa.Retry}, // not in the proper state
		{409, "Conflict", "", failure.Unavailable, ucwa.Retry},
		{500, "ServiceFailure", "CallbackChannelError", failure.Unavailable, ucwa.Retry},
		{409, "Conflict", "AlreadyExists", failure.Denied, ucwa.None},
		{409, "Conflict", "TooManyGroups", failure.Denied, ucwa.None},
		{410, "Gone", "CannotRedirect", failure.Unavailable, ucwa.Rediscover},
	}
	return append(rows, repeatable(genericRows())...)
}

// repeatable are rows of changes as they mean to what can be repeated, and
// without those that a test of their own is for.
func repeatable(rows []errorRow) []errorRow {
	var all []errorRow
	for _, r := range rows {
		if r.class == failure.Unknown {
			r.class, r.remedy = failure.Unavailable, ucwa.Retry
		}
		if r.subcode != ucwa.ApplicationNotFound { // confirmed first
			all = append(all, r)
		}
	}
	return all
}

// UCWA 2.0: startOrRefreshSubscriptionToContactsAndGroups.
func TestRefreshSubscriptionErrors(t *testing.T) {
	t.Parallel()
	checkRoster(t, startOrRefresh, "startOrRefreshSubscriptionToContactsAndGroups", subscribing(), func(ctx context.Context, r *roster, s ucwa.Subscription) error {
		return second(r.app.RefreshSubscription(ctx, s, 30*time.Minute))
	})
}

// UCWA 2.0: stopSubscriptionToContactsAndGroups. A subscription that is not there
// any more has stopped.
func TestStopSubscriptionErrors(t *testing.T) {
	t.Parallel()
	var rows, stopped []errorRow
	for _, row := range subscribing() {
		if (row.status == 404 || row.status == 410) && row.remedy != ucwa.Rediscover && row.subcode != "APIVersionNotSupported" {
			stopped = append(stopped, row)
		} else if row.subcode != "APIVersionNotSupported" {
			rows = append(rows, row)
		}
	}
	checkRoster(t, stop, "stopSubscriptionToContactsAndGroups", rows, func(ctx context.Context, r *roster, s ucwa.Subscription) error {
		return r.app.StopSubscription(ctx, s)
	})
	r := newRoster(t, ucwa.Config{})
	s := r.read()
	for _, row := range stopped {
		r.answers[stop] = func(w http.ResponseWriter, req *http.Request) { reason(w, req, row.status, row.code, row.subcode) }
		if err := r.app.StopSubscription(t.Context(), s); err != nil {
			t.Errorf("%d %s/%s: %v, want stopped", row.status, row.code, row.subcode, err)
		}
	}
	if len(stopped) < 3 {
		t.Errorf("%d rows stop, want 404, and 410 twice", len(stopped))
	}
}

// UCWA 2.0: myContactsAndGroupsSubscription, myContacts, myGroups,
// myGroupMemberships: GET.
func TestContactListErrors(t *testing.T) {
	t.Parallel()
	rows := append(getRows(),
		errorRow{403, "Forbidden", "None", failure.Denied, ucwa.None}, // may not access the contact list
		errorRow{403, "Forbidden", "", failure.Denied, ucwa.None},     // may not access pending contacts
	)
	rows = append(rows, repeatable(genericRows())...)
	checkRoster(t, getSubscription, "myContactsAndGroupsSubscription", rows, func(ctx context.Context, r *roster, _ ucwa.Subscription) error {
		return second(r.app.ContactsSubscription(ctx))
	})
	for call, operation := range map[string]string{"GET contacts": "myContacts", "GET groups": "myGroups", "GET groupMemberships": "myGroupMemberships"} {
		checkRoster(t, call, operation, rows, func(ctx context.Context, r *roster, _ ucwa.Subscription) error {
			return second(r.app.ContactList(ctx))
		})
	}
}

// UCWA 2.0: events, Event channel details.
func TestPollErrors(t *testing.T) {
	t.Parallel()
	rows := append(getRows(), errorRow{409, "Conflict", "PGetReplaced", failure.Unavailable, ucwa.Retry})
	rows = append(rows, repeatable(genericRows())...)
	checkRoster(t, "GET events", "events", rows, func(ctx context.Context, r *roster, _ ucwa.Subscription) error {
		return second(r.app.Poll(ctx, ucwa.Channel{}, ucwa.PollOptions{}))
	})
}

// TestGoneIsConfirmed: an answer that the application is gone is believed only
// when the application itself says so, for what hangs on it can answer the same
// (UCWA 2.0: presenceSubscription).
func TestGoneIsConfirmed(t *testing.T) {
	t.Parallel()
	notFound := func(w http.ResponseWriter, req *http.Request) { reason(w, req, 404, "NotFound", "ApplicationNotFound") }
	for name, c := range map[string]struct {
		application http.HandlerFunc // nil: it is there
		class       failure.Class
		remedy      ucwa.Remedy
		operation   string
	}{
		"there":     {nil, failure.Unavailable, ucwa.Refresh, ""},
		"gone":      {notFound, failure.Unavailable, ucwa.Recreate, ""},
		"evicted":   {func(w http.ResponseWriter, req *http.Request) { reason(w, req, 410, "Gone", "TooManyApplications") }, failure.Unavailable, ucwa.Retry, "application"},
		"no tell":   {func(w http.ResponseWriter, req *http.Request) { page(w, 503) }, failure.Unavailable, ucwa.Retry, "application"},
		"elsewhere": {func(w http.ResponseWriter, req *http.Request) { reason(w, req, 410, "Gone", "CannotRedirect") }, failure.Unavailable, ucwa.Rediscover, "application"},
	} {
		r := newRoster(t, ucwa.Config{})
		s := r.read()
		for _, op := range []string{getSubscription, startOrRefresh, "GET events", "GET contacts"} {
			r.answers[op] = notFound
		}
		if c.application != nil {
			r.answers["application"] = c.application
		}
		for operation, err := range map[string]error{
			"myContactsAndGroupsSubscription":               second(r.app.ContactsSubscription(t.Context())),
			"startOrRefreshSubscriptionToContactsAndGroups": second(r.app.RefreshSubscription(t.Context(), s, 30*time.Minute)),
			"events":     second(r.app.Poll(t.Context(), ucwa.Channel{}, ucwa.PollOptions{})),
			"myContacts": second(r.app.ContactList(t.Context())),
		} {
			if c.operation != "" {
				operation = c.operation
			}
			if e := ucwa.As(err); e == nil || e.Class != c.class || e.Remedy != c.remedy || e.Operation != operation {
				t.Errorf("%s, %s: %v, want %s, %s", name, operation, err, c.class, c.remedy)
			}
		}
	}
}
