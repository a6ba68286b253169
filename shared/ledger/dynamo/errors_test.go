package dynamo_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"dialtone/shared/failure"
)

// What somebody must mend says so, on every call, and leaves the message on its
// queue.
func TestAdvice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer answer
		class  failure.Class
		advice string // "": nothing to mend
	}{
		"no such table":     {refusal(400, "ResourceNotFoundException"), failure.Unavailable, "DIALTONE_TABLE"},
		"denied":            {refusal(400, "AccessDeniedException"), failure.Unavailable, "dynamodb:GetItem"},
		"token is over":     {refusal(400, "ExpiredTokenException"), failure.Unavailable, "credentials"},
		"wrong key":         {refusal(400, "UnrecognizedClientException"), failure.Unavailable, "credentials"},
		"throttled":         {refusal(400, "ThrottlingException"), failure.Unavailable, "waits"},
		"hot partition":     {refusal(400, "ProvisionedThroughputExceededException"), failure.Unavailable, "waits"},
		"account's limit":   {refusal(400, "RequestLimitExceeded"), failure.Unavailable, "waits"},
		"internal":          {refusal(500, "InternalServerError"), "", ""},
		"invalid":           {refusal(400, "ValidationException"), "", ""},
		"no API's language": {answer{status: 404, body: "<html>"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, _ := serve(t, c.answer)
			_, getErr := store.Get(t.Context(), key)
			for _, err := range []error{getErr, store.Put(t.Context(), stored), list(t.Context(), store, "i", "", "").err} {
				advised(t, err, c.class, c.advice)
			}
		})
	}
}

func TestAdviceUnreachable(t *testing.T) {
	t.Parallel()
	nobody := httptest.NewServer(nil)
	store := storeAt(nobody)
	nobody.Close()
	_, err := store.Get(t.Context(), key)
	advised(t, err, failure.Unknown, "AWS_ENDPOINT_URL")
}

func advised(t *testing.T, err error, class failure.Class, advice string) {
	t.Helper()
	switch f := failure.As(err); {
	case err == nil:
		t.Error("no error")
	case advice == "" && f != nil:
		t.Errorf("%v advises %q", err, f.Advice)
	case advice != "" && (f == nil || f.Class != class || !strings.Contains(f.Advice, advice) || f.Class.Permanent()):
		t.Errorf("%v: %+v, want class %s and advice with %q", err, f, class, advice)
	}
}
