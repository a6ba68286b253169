package explain_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ucwa"
	"dialtone/shared/webex"
)

func TestWords(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		class failure.Class
		words string // in reason or advice
	}{
		"typed already":        {&failure.Error{Class: failure.Exhausted, Reason: "empty"}, failure.Exhausted, "empty"},
		"no voice":             {&ucwa.Error{Operation: "phones", Status: 403, Code: "Forbidden", Class: failure.Denied}, failure.Denied, "Enterprise Voice"},
		"no application":       {&ucwa.Error{Operation: "createApplication", Status: 403, Class: failure.Denied}, failure.Denied, "policies"},
		"sign-in forbidden":    {&ucwa.Error{Operation: "token", Status: 403, Class: failure.Denied}, failure.Denied, "refuses the sign-in"},
		"proxy refuses":        {&ucwa.Error{Operation: "phones", Status: 403, Class: failure.Denied, Remedy: ucwa.Rediscover}, failure.Denied, "in front of"},
		"anonymous":            {&ucwa.Error{Status: 403, Subcode: "AnonymousNotAllowed", Class: failure.Denied}, failure.Denied, "anonymously"},
		"directory phone":      {&ucwa.Error{Operation: "changeNumber", Status: 409, Code: "Conflict", Class: failure.Denied}, failure.Denied, "Active Directory"},
		"other conflict":       {&ucwa.Error{Operation: "changeNumber", Status: 409, Subcode: "TooManyGroups", Class: failure.Denied}, failure.Denied, "what it has on the user"},
		"conflict elsewhere":   {&ucwa.Error{Operation: "createApplication", Status: 409, Class: failure.Denied}, failure.Denied, "does not support the operation"},
		"mobile taken away":    {&ucwa.Error{Operation: "phones", Status: 403, Subcode: "MobileApplicationNoLongerAllowed", Class: failure.Denied}, failure.Denied, "policies"},
		"forbidden, why not":   {&ucwa.Error{Operation: "phones", Status: 403, Subcode: "LimitExceeded", Class: failure.Denied}, failure.Denied, "upstream answer"},
		"old pool":             {&ucwa.Error{Operation: "phones", Status: 404, Subcode: "APIVersionNotSupported", Class: failure.Denied}, failure.Denied, "2015 or later"},
		"redirected away":      {&ucwa.Error{Operation: "discover", Err: ucwa.ErrUntrusted, Class: failure.Denied}, failure.Denied, "lyncdiscover"},
		"sign-in, 401":         {&ucwa.Error{Operation: "token", Status: 401, Class: failure.Denied}, failure.Denied, "refuses the sign-in"},
		"sign-in, unread":      {&ucwa.Error{Operation: "token", Status: 400, Code: "invalid_request", Class: failure.Invalid}, failure.Invalid, "understand the sign-in"},
		"no link":              {&ucwa.Error{Err: ucwa.ErrMissingLink, Class: failure.Denied}, failure.Denied, "does not offer"},
		"wrong person":         {&ucwa.Error{Err: ucwa.ErrWrongUser, Class: failure.Denied}, failure.Denied, "another person"},
		"wrong password":       {&ucwa.Error{Status: 400, Code: "invalid_grant", Class: failure.Denied}, failure.Denied, "lock the account"},
		"grant off":            {&ucwa.Error{Status: 400, Code: "unsupported_grant_type", Class: failure.Denied}, failure.Denied, "UCWA_AUTH"},
		"grant not offered":    {&ucwa.Error{Err: ucwa.ErrGrantNotOffered, Class: failure.Denied}, failure.Denied, "UCWA_AUTH"},
		"normalisation":        {&ucwa.Error{Status: 400, Subcode: "NormalizationFailed", Class: failure.Invalid}, failure.Invalid, "dial plan"},
		"evicted":              {&ucwa.Error{Status: 410, Subcode: ucwa.TooManyApplications, Class: failure.Unavailable}, failure.Unavailable, "pushed"},
		"client refused":       {&ucwa.Error{Status: 410, Subcode: "UserAgentNotAllowed", Class: failure.Denied}, failure.Denied, "user agent"},
		"exchange":             {&ucwa.Error{Status: 500, Subcode: "InvalidExchangeServerVersion", Class: failure.Denied}, failure.Denied, "Exchange"},
		"server busy":          {&ucwa.Error{Status: 503, Class: failure.Unavailable}, failure.Unavailable, "cannot answer now"},
		"answer lost":          {&ucwa.Error{Class: failure.Unknown, Err: errors.New("reset")}, failure.Unknown, "reads first"},
		"other ucwa refusal":   {&ucwa.Error{Status: 415, Class: failure.Invalid}, failure.Invalid, "upstream answer"},
		"webex parameter":      {&webex.Error{Status: 400, Class: failure.Invalid}, failure.Invalid, "locationId"},
		"webex token":          {&webex.Error{Status: 401, Class: failure.Denied}, failure.Unavailable, "wait on their queue"},
		"webex renewal":        {&webex.Error{Status: 400, Operation: "refreshToken", Class: failure.Denied}, failure.Unavailable, "wait on their queue"},
		"webex renewal, later": {&webex.Error{Operation: "numbers", Class: failure.Unavailable, Err: &webex.Error{Status: 503, Operation: "refreshToken", Class: failure.Unavailable}}, failure.Unavailable, "cannot be renewed now"},
		"webex elsewhere":      {&webex.Error{Status: 451, Class: failure.Denied}, failure.Denied, "WEBEX_BASE_URL"},
		"webex conflict":       {&webex.Error{Status: 409, Class: failure.Conflict}, failure.Conflict, "tracking id"},
		"webex call":           {&webex.Error{Status: 405, Class: failure.Invalid}, failure.Invalid, "as dialtone makes it"},
		"webex scope":          {&webex.Error{Status: 403, Class: failure.Denied}, failure.Denied, "telephony_config_read"},
		"webex busy":           {&webex.Error{Status: 429, Class: failure.Unavailable}, failure.Unavailable, "Webex cannot answer"},
		"time is up":           {context.DeadlineExceeded, failure.Unavailable, "ran out"},
		"lease held":           {&ledger.BusyError{Until: time.Now().Add(time.Minute)}, failure.Unavailable, "another delivery"},
		"fenced":               {ledger.ErrFenced, failure.Unavailable, "in between"},
		"anything":             {errors.New("boom"), failure.Unknown, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			f := explain.Error(fmt.Errorf("step: %w", c.err))
			if f.Class != c.class {
				t.Errorf("class %s, want %s", f.Class, c.class)
			}
			if !strings.Contains(f.Reason+" "+f.Advice, c.words) {
				t.Errorf("%q / %q lack %q", f.Reason, f.Advice, c.words)
			}
		})
	}
}

func TestRetryAfterAndUpstreamAreKept(t *testing.T) {
	f := explain.Error(&webex.Error{Status: 429, Class: failure.Unavailable, RetryAfter: 7 * time.Second, TrackingID: "T"})
	if f.RetryAfter != 7*time.Second || f.Upstream == nil || f.Upstream.TrackingID != "T" {
		t.Errorf("%+v", f)
	}
	if f := explain.Error(&ledger.BusyError{Until: time.Now().Add(-time.Second)}); f.RetryAfter < 0 {
		t.Errorf("waits %v", f.RetryAfter)
	}
}

func TestReasonsQuoteNoNumber(t *testing.T) {
	digits := regexp.MustCompile(`\d{9}`)
	f := explain.Error(&ucwa.Error{Status: 400, Message: "tel:+4940123456789 is bad", Class: failure.Invalid})
	if digits.MatchString(f.Reason + f.Advice) {
		t.Errorf("%q %q", f.Reason, f.Advice)
	}
}

// TestNoWebexTokenKeepsTheRequests runs the client: a token that has ended is
// found out before any call, and looks different from a refused one.
func TestNoWebexTokenKeepsTheRequests(t *testing.T) {
	c, err := webex.New(webex.Config{Tokens: webex.StaticToken("")})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{}) {
		if f := explain.Error(err); f.Class != failure.Unavailable || f.RetryAfter == 0 {
			t.Errorf("%v: class %s, wait %v; every message of the queue would be dead-lettered", err, f.Class, f.RetryAfter)
		}
	}
}
