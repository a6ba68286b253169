package deployment_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"dialtone/infra/deployment"
	"dialtone/shared/command"
)

// cloud answers as CloudFormation and SQS do.
type cloud struct {
	status     int
	code, text string // of a refusal
	outputs    map[string]string
	parameters map[string]string

	mu    sync.Mutex
	asked []string // stacks
	sent  []sentEntry
}

type sentEntry struct {
	QueueURL string
	ID       string `json:"Id"`
	Body     string `json:"MessageBody"`
	Group    string `json:"MessageGroupId"`
	Dedup    string `json:"MessageDeduplicationId"`
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if target := r.Header.Get("X-Amz-Target"); strings.HasSuffix(target, "SendMessageBatch") {
		c.send(w, r)
		return
	}
	c.asked = append(c.asked, r.FormValue("StackName"))
	if c.status != 0 {
		w.WriteHeader(c.status)
		fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, c.code, c.text)
		return
	}
	member := func(kind string, values map[string]string) (all string) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			all += fmt.Sprintf("<member><%[1]sKey>%[2]s</%[1]sKey><%[1]sValue>%[3]s</%[1]sValue></member>", kind, name, values[name])
		}
		return all
	}
	fmt.Fprintf(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>x</StackName><StackStatus>UPDATE_COMPLETE</StackStatus>`+
		`<Outputs>%s</Outputs><Parameters>%s</Parameters></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
		member("Output", c.outputs), member("Parameter", c.parameters))
}

func (c *cloud) send(w http.ResponseWriter, r *http.Request) {
	var in struct {
		QueueURL string `json:"QueueUrl"`
		Entries  []sentEntry
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var done []map[string]string
	for _, e := range in.Entries {
		e.QueueURL = in.QueueURL
		c.sent = append(c.sent, e)
		done = append(done, map[string]string{"Id": e.ID, "MessageId": "m"})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"Successful": done})
}

// at makes this cloud the one that the AWS configuration leads to.
func (c *cloud) at(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
}

const queueURL = "https://sqs.eu-central-1.amazonaws.com/123456789012/"

func whole() *cloud {
	return &cloud{
		outputs: map[string]string{
			"TableName": "t", "NumbersQueueUrl": queueURL + "x-numbers.fifo", "SimringQueueUrl": queueURL + "x-simring.fifo",
		},
		parameters: map[string]string{"WebexBaseUrl": "https://webex.example.test/v1", "UcwaAuth": "oauth", "WebexRate": "2.5", "WebexOrgId": ""},
	}
}

func TestStack(t *testing.T) {
	there := whole()
	there.at(t)
	d, err := deployment.Look(t.Context(), deployment.Place{Stack: "x", Region: "eu-west-1", Data: "ignored"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if !slices.Equal(there.asked, []string{"x"}) {
		t.Errorf("asked for %q", there.asked)
	}
	if got := d.Flags(); !slices.Equal(got, []string{"--stack", "x", "--region", "eu-west-1"}) {
		t.Errorf("flags %q", got)
	}
	s, err := d.Settings()
	if err != nil || s.WebexBaseURL != "https://webex.example.test/v1" || s.Auth != "oauth" || s.WebexRate != 2.5 || s.WebexOrg != "" || s.Secrets == nil {
		t.Errorf("settings %+v, %v", s, err)
	}
	key := command.Key{Source: "hr", ID: "1"}
	for typ, queue := range map[string]string{command.TypeAssign: "x-numbers.fifo", command.TypeDisableSimRing: "x-simring.fifo"} {
		there.sent = nil
		fresh, err := d.Deliver(t.Context(), command.Command{Key: key, Type: typ, User: "ada@contoso.test"}, []byte("body"), 3)
		want := sentEntry{QueueURL: queueURL + queue, ID: "0", Body: "body", Group: "ada@contoso.test", Dedup: key.DedupID(3)}
		if err != nil || !fresh || !slices.Equal(there.sent, []sentEntry{want}) {
			t.Errorf("%s: %t, %v, sent %+v", typ, fresh, err, there.sent)
		}
	}
	if _, err := d.Deliver(t.Context(), command.Command{Key: key, Type: "other"}, nil, 0); err == nil || !strings.Contains(err.Error(), "no queue takes other") {
		t.Errorf("a type that no queue takes: %v", err)
	}
}

// TestStackErrors: what a person can mend is named, with the mend.
func TestStackErrors(t *testing.T) {
	for name, c := range map[string]struct {
		cloud func(*cloud)
		env   map[string]string
		words []string
	}{
		"not there":      {cloud: func(c *cloud) { c.status, c.code, c.text = 400, "ValidationError", "Stack with id x does not exist" }, words: []string{"no stack x in eu-central-1", "--region"}},
		"not allowed":    {cloud: func(c *cloud) { c.status, c.code, c.text = 403, "AccessDenied", "no" }, words: []string{"cloudformation:DescribeStacks"}},
		"expired":        {cloud: func(c *cloud) { c.status, c.code, c.text = 403, "ExpiredToken", "no" }, words: []string{"sign in again"}},
		"other":          {cloud: func(c *cloud) { c.status, c.code, c.text = 400, "ValidationError", "what?" }, words: []string{"describe stack x", "what?"}},
		"no output":      {cloud: func(c *cloud) { delete(c.outputs, "TableName") }, words: []string{"UPDATE_COMPLETE", "no output TableName", "NumbersQueueUrl, SimringQueueUrl"}},
		"no credentials": {env: map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, words: []string{"no AWS credentials", "AWS_PROFILE"}},
		"no region":      {env: map[string]string{"AWS_REGION": ""}, words: []string{"no AWS region", "--region"}},
	} {
		t.Run(name, func(t *testing.T) {
			there := whole()
			if c.cloud != nil {
				c.cloud(there)
			}
			there.at(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			_, err := deployment.Look(t.Context(), deployment.Place{Stack: "x"})
			for _, word := range c.words {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("error %v, want %q in it", err, word)
				}
			}
		})
	}
}

// TestOlderStack: without a queue everything else works.
func TestOlderStack(t *testing.T) {
	there := whole()
	delete(there.outputs, "SimringQueueUrl")
	there.parameters["WebexRate"] = "fast"
	there.at(t)
	d, err := deployment.Look(t.Context(), deployment.Place{Stack: "x"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Deliver(t.Context(), command.Command{Type: command.TypeEnableSimRing}, nil, 0)
	if err == nil || !strings.Contains(err.Error(), "no output SimringQueueUrl") {
		t.Errorf("deliver: %v", err)
	}
	if _, err := d.Settings(); err == nil || !strings.Contains(err.Error(), "WEBEX_RATE") {
		t.Errorf("settings: %v", err)
	}
}

// TestTemplateAgrees: the template has the outputs, and parameters with the names
// of the variables that they are given to.
func TestTemplateAgrees(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{"TableName", "NumbersQueueUrl"} {
		if !strings.Contains(string(raw), "\n  "+output+":\n") {
			t.Errorf("the template has no output %s", output)
		}
	}
	given := regexp.MustCompile(`\n +((?:WEBEX|UCWA)_[A-Z_]+): !Ref ([A-Za-z]+)\n`).FindAllStringSubmatch(string(raw), -1)
	if len(given) < 5 {
		t.Fatalf("only %d variables of the vendors found in the template", len(given))
	}
	for _, g := range given {
		if want := strings.ReplaceAll(g[1], "_", ""); !strings.EqualFold(g[2], want) || regexp.MustCompile(`[A-Z]{2}`).MatchString(g[2]) {
			t.Errorf("variable %s has the value of parameter %s: its name would be read from another one", g[1], g[2])
		}
	}
}
