package secrets_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"dialtone/shared/failure"
	"dialtone/shared/secrets"
	"dialtone/shared/signin"
	"dialtone/shared/webexsecret"
)

var (
	_ signin.Vault        = (*secrets.Cache)(nil)
	_ webexsecret.Secrets = (*secrets.Cache)(nil)
)

// manager plays Secrets Manager. Used by pointer.
type manager struct {
	mu     sync.Mutex
	values map[string]string
	binary map[string][]byte
	reads  map[string]int
	writes int
	refuse string // exception for every call
	hold   func() // runs in each read, after it was counted and before it is answered
}

func (m *manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ SecretID, SecretString, ClientRequestToken string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	write := strings.HasSuffix(r.Header.Get("X-Amz-Target"), "PutSecretValue")
	value, binary, exception := m.serve(in.SecretID, in.SecretString, write)
	switch {
	case exception != "":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":%q,"Message":"You can't perform this operation on the secret because it was marked for deletion."}`, exception)
	case binary != nil:
		_ = json.NewEncoder(w).Encode(map[string]any{"SecretBinary": binary})
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"SecretString": value})
	}
}

func (m *manager) serve(id, data string, write bool) (value string, binary []byte, exception string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, known := m.values[id]
	binary = m.binary[id]
	if write {
		m.writes++
	} else {
		m.reads[id]++
		if hold := m.hold; hold != nil {
			m.mu.Unlock()
			hold()
			m.mu.Lock()
		}
	}
	switch {
	case m.refuse != "":
		return "", nil, m.refuse
	case !known && binary == nil:
		return "", nil, "ResourceNotFoundException"
	case write:
		m.values[id] = data
	}
	return value, binary, ""
}

func (m *manager) set(id, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[id] = value
}

func (m *manager) readsOf(id string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads[id]
}

func newManager() *manager {
	return &manager{values: map[string]string{"a": "1"}, binary: map[string][]byte{}, reads: map[string]int{}}
}

// open returns a cache of what m holds, over HTTP.
func open(t testing.TB, m *manager, cfg secrets.Config) *secrets.Cache {
	t.Helper()
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return connect(t, server.Client(), server.URL, cfg)
}

func connect(t testing.TB, hc *http.Client, url string, cfg secrets.Config) *secrets.Cache {
	t.Helper()
	cfg.Client = secretsmanager.New(secretsmanager.Options{
		Region: "eu-central-1", BaseEndpoint: &url, HTTPClient: hc, RetryMaxAttempts: 1,
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("test", "test", "")),
	})
	c, err := secrets.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inside serves a client without a network, for bubbles where waiting takes no time.
type inside struct{ http.Handler }

func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

// want fails unless the secret has this value.
func want(t testing.TB, c *secrets.Cache, name, value string) {
	t.Helper()
	got, err := c.Secret(t.Context(), name)
	if err != nil || string(got) != value {
		t.Errorf("secret %s is %q, %v, want %q", name, got, err, value)
	}
	clear(got) // a caller's copy is the caller's
}

func TestRemembers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newManager()
		c := connect(t, &http.Client{Transport: inside{m}}, "http://localhost", secrets.Config{})
		want(t, c, "a", "1")
		m.set("a", "2")
		time.Sleep(5*time.Minute - time.Second)
		want(t, c, "a", "1")
		time.Sleep(time.Second)
		want(t, c, "a", "2")
		if n := m.readsOf("a"); n != 2 {
			t.Errorf("%d reads", n)
		}
	})
}

func TestForget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newManager()
		c := connect(t, &http.Client{Transport: inside{m}}, "http://localhost", secrets.Config{})
		if c.Forget("a", time.Now()) {
			t.Error("forgot what it never knew")
		}
		before := time.Now()
		time.Sleep(time.Second)
		want(t, c, "a", "1")
		m.set("a", "2")
		if c.Forget("a", before) {
			t.Error("forgot what it read later")
		}
		want(t, c, "a", "1")
		if !c.Forget("a", time.Now()) {
			t.Error("did not forget")
		}
		want(t, c, "a", "2")
	})
}

// What was asked for before a Forget does not answer who asks after it.
func TestForgetDuringARead(t *testing.T) {
	t.Parallel()
	m := newManager()
	reading, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	m.hold = func() {
		first := false
		once.Do(func() { first = true })
		if first {
			close(reading)
			<-answer
		}
	}
	c := open(t, m, secrets.Config{})
	early := make(chan string)
	go func() {
		got, _ := c.Secret(t.Context(), "a")
		early <- string(got)
	}()
	<-reading
	m.set("a", "2")
	c.Forget("a", time.Now())
	want(t, c, "a", "2")
	close(answer)
	if got := <-early; got != "1" {
		t.Errorf("the early reader got %q", got)
	}
	want(t, c, "a", "2")
	if n := m.readsOf("a"); n != 2 {
		t.Errorf("%d reads", n)
	}
}

func TestOneReadForAll(t *testing.T) {
	t.Parallel()
	m := newManager()
	m.hold = func() { time.Sleep(50 * time.Millisecond) }
	c := open(t, m, secrets.Config{})
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() { want(t, c, "a", "1") })
	}
	callers.Wait()
	if n := m.readsOf("a"); n != 1 {
		t.Errorf("%d reads", n)
	}
}

// A caller who gives up takes nobody along.
func TestReaderGivesUp(t *testing.T) {
	t.Parallel()
	m := newManager()
	reading, answer := make(chan struct{}, 2), make(chan struct{})
	m.hold = func() {
		reading <- struct{}{}
		<-answer
	}
	c := open(t, m, secrets.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	callers.Go(func() {
		if _, err := c.Secret(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("the reader: %v", err)
		}
	})
	<-reading
	callers.Go(func() { want(t, c, "a", "1") })
	impatient, giveUp := context.WithTimeout(t.Context(), time.Millisecond)
	defer giveUp()
	if _, err := c.Secret(impatient, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the impatient: %v", err)
	}
	cancel()
	<-reading // the other one reads now
	close(answer)
	callers.Wait()
}

func TestNoSecret(t *testing.T) {
	t.Parallel()
	m := newManager()
	m.values["arn:aws:secretsmanager:eu-central-1:000000000000:secret:a-AbCdEf"] = "3"
	c := open(t, m, secrets.Config{})
	want(t, c, "arn:aws:secretsmanager:eu-central-1:000000000000:secret:a-AbCdEf", "3")
	for name, reads := range map[string]int{
		"ucwa/ada@contoso.test": 1, "ucwa/änne@contoso.test": 0, "ucwa/a:b@contoso.test": 0, "": 0, strings.Repeat("x", 3000): 0,
	} {
		for range 2 { // remembered, too
			if _, err := c.Secret(t.Context(), name); !errors.Is(err, signin.ErrNoSecret) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if n := m.readsOf(name); n != reads {
			t.Errorf("%q: %d reads", name, n)
		}
	}
	m.set("ucwa/ada@contoso.test", "new")
	c.Forget("ucwa/ada@contoso.test", time.Now())
	want(t, c, "ucwa/ada@contoso.test", "new")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for exception, none := range map[string]bool{
		"ResourceNotFoundException": true, "InvalidRequestException": true, // marked for deletion
		"AccessDeniedException": false, "DecryptionFailure": false, "InternalServiceError": false, "ThrottlingException": false,
	} {
		m := newManager()
		m.refuse = exception
		c := open(t, m, secrets.Config{})
		_, err := c.Secret(t.Context(), "a")
		if err == nil || errors.Is(err, signin.ErrNoSecret) != none || !strings.Contains(err.Error(), "secret a") {
			t.Errorf("%s: %v", exception, err)
		}
		if err := c.Save(t.Context(), "a", []byte("x")); err == nil || errors.Is(err, signin.ErrNoSecret) != none {
			t.Errorf("save, %s: %v", exception, err)
		}
		m.refuse = ""
		c.Forget("a", time.Now())
		want(t, c, "a", "1")
	}
	m := newManager()
	c := open(t, m, secrets.Config{})
	m.refuse = "InternalServiceError"
	_, _ = c.Secret(t.Context(), "a")
	m.refuse = ""
	want(t, c, "a", "1") // a failure that passes is not remembered
}

// What somebody must mend says so, and lets the message wait. A missing secret
// looks like one that may not be read, where the role names it in full.
func TestAdvice(t *testing.T) {
	t.Parallel()
	for exception, advice := range map[string]string{
		"AccessDeniedException": "Check the name first", "DecryptionFailure": "SecretsKeyArn", "UnrecognizedClientException": "credentials",
		"InternalServiceError": "", "ThrottlingException": "",
	} {
		m := newManager()
		m.refuse = exception
		c := open(t, m, secrets.Config{})
		_, err := c.Secret(t.Context(), "a")
		advised(t, err, advice)
		advised(t, c.Save(t.Context(), "a", []byte("x")), advice)
	}
	nobody := httptest.NewServer(nil)
	nobody.Close()
	_, err := connect(t, nobody.Client(), nobody.URL, secrets.Config{}).Secret(t.Context(), "a")
	advised(t, err, "AWS_ENDPOINT_URL")
}

func advised(t *testing.T, err error, advice string) {
	t.Helper()
	switch f := failure.As(err); {
	case err == nil || !strings.Contains(err.Error(), "secret a"):
		t.Errorf("%v does not name the secret", err)
	case advice == "" && f != nil:
		t.Errorf("%v advises %q", err, f.Advice)
	case advice != "" && (f == nil || f.Class != failure.Unavailable || !strings.Contains(f.Advice, advice)):
		t.Errorf("%v: %+v, want unavailable and advice with %q", err, f, advice)
	}
}

func TestSave(t *testing.T) {
	t.Parallel()
	m := newManager()
	m.binary["b"] = []byte{0, 1}
	c := open(t, m, secrets.Config{})
	want(t, c, "a", "1")
	if err := c.Save(t.Context(), "a", []byte("2")); err != nil {
		t.Fatal(err)
	}
	want(t, c, "a", "2")
	if m.values["a"] != "2" || m.readsOf("a") != 1 {
		t.Errorf("kept %q after %d reads", m.values["a"], m.readsOf("a"))
	}
	want(t, c, "b", "\x00\x01")
}

func TestLimit(t *testing.T) {
	t.Parallel()
	m := newManager()
	c := open(t, m, secrets.Config{Limit: 2})
	m.values["b"], m.values["c"] = "2", "3"
	for _, name := range []string{"a", "b", "c"} {
		want(t, c, name, m.values[name])
	}
	want(t, c, "c", "3")
	want(t, c, "b", "2")
	want(t, c, "a", "1")
	if m.readsOf("a") != 2 || m.readsOf("b") != 1 || m.readsOf("c") != 1 {
		t.Errorf("reads %v", m.reads)
	}
}

func TestNewReportsEverything(t *testing.T) {
	t.Parallel()
	_, err := secrets.New(secrets.Config{Keep: -1, Limit: -1})
	for _, part := range []string{"no Client given", "negative Keep -1ns", "negative Limit -1"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}
