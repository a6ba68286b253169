//go:build e2e

package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"dialtone/infra/emulators"
	"dialtone/shared/outcome"
)

// listener is what a consumer of outcomes has: a rule on the bus, with a log
// group as its target. (A queue would be more usual; moto's are slow.)
type listener struct{ moto, group string }

func listen(t *testing.T, client *eventbridge.Client, moto, bus string) *listener {
	t.Helper()
	l := &listener{moto: moto, group: "/aws/events/" + bus}
	l.logs(t, "CreateLogGroup", map[string]any{"logGroupName": l.group}, nil)
	if _, err := client.PutRule(t.Context(), &eventbridge.PutRuleInput{
		Name: aws.String("outcomes"), EventBusName: &bus, EventPattern: aws.String(`{"source":["` + outcome.Source + `"]}`),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
		Rule: aws.String("outcomes"), EventBusName: &bus, Targets: []types.Target{{
			Id: aws.String("log"), Arn: aws.String("arn:aws:logs:" + emulators.Region + ":123456789012:log-group:" + l.group),
		}},
	}); err != nil {
		t.Fatal(err)
	}
	return l
}

// busEvent is an event as a target gets it.
type busEvent struct {
	Source     string        `json:"source"`
	DetailType string        `json:"detail-type"`
	Detail     outcome.Event `json:"detail"`
}

// heard returns everything that came over the bus, in no order.
func (l *listener) heard(t *testing.T) []busEvent {
	t.Helper()
	var all []busEvent
	for token := ""; ; {
		in := map[string]any{"logGroupName": l.group, "limit": 10_000}
		if token != "" {
			in["nextToken"] = token
		}
		var page struct {
			Events    []struct{ Message string }
			NextToken string
		}
		l.logs(t, "FilterLogEvents", in, &page)
		for _, e := range page.Events {
			var b busEvent
			if err := json.Unmarshal([]byte(e.Message), &b); err != nil {
				t.Fatalf("event on the bus: %v: %s", err, e.Message)
			}
			all = append(all, b)
		}
		if token = page.NextToken; token == "" {
			return all
		}
	}
}

// logs calls CloudWatch Logs, for which this module has no client.
func (l *listener) logs(t *testing.T, operation string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.moto, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/20260102/%s/logs/aws4_request, SignedHeaders=host, Signature=0", emulators.AccessKey, emulators.Region))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", operation, resp.Status, err, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatal(err)
		}
	}
}
