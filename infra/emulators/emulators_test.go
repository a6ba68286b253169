//go:build e2e

package emulators_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"dialtone/infra/emulators"
)

// Each emulator answers its protocol where it says that it listens, and is gone
// when it was stopped.
func TestStartAndStop(t *testing.T) {
	for name, start := range starters() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := start(emulators.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := call(t, s.URL(), "ListTables", `{}`); !strings.Contains(got, `"TableNames"`) {
				t.Errorf("ListTables answered %q", got)
			}
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
			if err := s.Stop(); err != nil {
				t.Errorf("second stop: %v", err)
			}
			if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port())); err == nil {
				conn.Close()
				t.Error("something still listens after Stop")
			}
		})
	}
}

// A killed dynalite comes back on its port with what it had.
func TestRestart(t *testing.T) {
	t.Parallel()
	o := emulators.Options{Folder: t.TempDir()}
	s, err := emulators.StartDynalite(o)
	if err != nil {
		t.Fatal(err)
	}
	call(t, s.URL(), "CreateTable", `{"TableName":"kept","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}`)
	s.Kill()
	o.Port = s.Port()
	again, err := emulators.StartDynalite(o)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Kill()
	if again.URL() != s.URL() {
		t.Errorf("restarted on %s, want %s", again.URL(), s.URL())
	}
	if got := call(t, again.URL(), "ListTables", `{}`); !strings.Contains(got, `"kept"`) {
		t.Errorf("after the restart ListTables answered %q", got)
	}
}

// A start that cannot work says what the program said.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = emulators.StartDynalite(emulators.Options{Port: l.Addr().(*net.TCPAddr).Port})
	if err == nil || !strings.Contains(err.Error(), "EADDRINUSE") {
		t.Errorf("start on a port in use: %v", err)
	}
}

func call(t *testing.T, url, operation, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	req.Header.Set("X-Amz-Date", "20260102T030405Z")
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+emulators.AccessKey+"/20260102/"+emulators.Region+
		"/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}
