//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"dialtone/infra/local"
)

// What is wrong with a deployment is said in the first line that the function
// logs: what, and how to mend it. The message stays on the queue.
func TestFirstLine(t *testing.T) {
	for _, c := range []struct {
		name        string
		parameters  map[string]string
		environment map[string]string
		without     string // secret
		want        []string
	}{
		{name: "parameter that is none of its values", parameters: map[string]string{"UcwaAuth": "kerberos"}, want: []string{"UCWA_AUTH", "kerberos", "password"}},
		{name: "parameter out of bounds", parameters: map[string]string{"WebexRate": "0"}, want: []string{"WEBEX_RATE", "0.01"}},
		{name: "vendor without TLS", parameters: map[string]string{"WebexBaseUrl": "http://webex.example.test/v1"}, want: []string{"WEBEX_BASE_URL", "https"}},
		{name: "several at once", parameters: map[string]string{"UcwaConcurrency": "0", "QuarantineDays": "-1"}, want: []string{"UCWA_CONCURRENCY", "QUARANTINE_DAYS"}},
		{name: "secret that is not there", without: webexSecret, want: []string{webexSecret, "WEBEX_SECRET_ID"}},
		{name: "user's secret that is not there", without: ucwaPrefix + "default", want: []string{ucwaPrefix + userOf(1), ucwaPrefix + "default", "UCWA_SECRET_PREFIX"}},
		{name: "table out of reach", environment: map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": nowhere(t)}, want: []string{stackName + "-table cannot be reached", "AWS_REGION", "AWS_ENDPOINT_URL"}},
		{name: "table of another name", environment: map[string]string{"DIALTONE_TABLE": "elsewhere"}, want: []string{"DIALTONE_TABLE", "elsewhere"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			org := company(1)
			sim, parameters := simulate(t, org, local.Latency{})
			for name, v := range c.parameters {
				parameters[name] = v
			}
			w := wish{parameters: parameters, secrets: companySecrets(t)}
			delete(w.secrets, c.without)
			d := deploy(t, newCloud(t, w), w, c.environment)
			d.send(t, hires(t, org, nil), nil)
			stop := d.start(t)
			line := d.functions["ChangeNumber"].firstLine(t)
			stop()

			t.Log(line)
			for _, part := range c.want {
				if !strings.Contains(line, part) {
					t.Errorf("the first line does not say %q", part)
				}
			}
			var said struct{ Level, Message string }
			if err := json.Unmarshal([]byte(line), &said); err != nil || said.Message == "" || said.Level != "ERROR" && said.Level != "WARN" {
				t.Errorf("the first line is no warning in JSON: %v", err)
			}
			if n := d.messages(t, d.queue(t, "NumbersQueue")); n != 1 {
				t.Errorf("%d messages on the queue, want the one that was sent", n)
			}
			if n := d.messages(t, d.queue(t, "NumbersDeadLetterQueue")); n != 0 {
				t.Errorf("%d dead letters, want none", n)
			}
			if changes := sim.Skype.Totals().Changes; changes != 0 {
				t.Errorf("%d visible changes, want none", changes)
			}
		})
	}
}

// nowhere is a URL where nobody listens.
func nowhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// firstLine waits for the function to say something.
func (f *function) firstLine(t *testing.T) (line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	eventually(ctx, t, f.id+" logs a line", func() (string, bool) {
		line = f.logs.first()
		return "", line != ""
	})
	return line
}
