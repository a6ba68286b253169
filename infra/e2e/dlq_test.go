//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"dialtone/infra/emulators"
	"dialtone/infra/local"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
)

// What fails on AWS is listed, mended, replayed and discarded with the dialtone
// command, which finds everything by the name of the stack.
func TestDeadLetterWorkbench(t *testing.T) {
	org := company(3)
	sim, parameters := simulate(t, org, local.Latency{})
	w := wish{parameters: parameters, secrets: companySecrets(t), override: quick()}
	d := deploy(t, newCloud(t, w), w, nil)
	tool := d.operator(t, parameters)
	messages := []sent{hire(t, "hr", 1, org), elsewhere(t, hire(t, "hr", 2, org)), hire(t, "hr", 9, org)} // well, of a wrong place, of nobody
	d.send(t, messages, nil)
	stop := d.start(t)
	d.outcomes(t, messages, time.Minute)
	wrong, nobody := messages[1].command.Key, messages[2].command.Key

	if out, _ := tool.run(t, "dlq", "list", "--json"); strings.Count(out, "\n") != 2 || !strings.Contains(out, wrong.ID) || !strings.Contains(out, nobody.ID) {
		t.Errorf("listed: %s", out)
	}
	if out, _ := tool.run(t, "dlq", "show", wrong.Source, wrong.ID); !strings.Contains(out, "invalid") || !strings.Contains(out, "tries") || !strings.Contains(out, "--stack "+stackName) {
		t.Errorf("shown: %s", out)
	}
	tool.run(t, "dlq", "fix", wrong.Source, wrong.ID, "--set", "data.locationId="+org.Webex.Sites[2].ID)
	tool.run(t, "dlq", "replay", "--user", userOf(9), "--reason", "once more")
	d.ends(t, wrong, ledger.Done, 2)
	d.ends(t, nobody, ledger.Failed, 2)

	if u, _ := sim.Skype.User(userOf(2)); u.ChangeCount != 1 {
		t.Errorf("the phone of the mended request was changed %d times", u.ChangeCount)
	}
	again := letters(t, d.ledger)[nobody]
	if again.Replays != 1 || again.State != ledger.LetterWaiting || again.Decided.Reason != "once more" || len(again.Tries.Kept) != 2 {
		t.Errorf("failed again: %+v", again)
	}
	tool.run(t, "dlq", "discard", nobody.ID, "--reason", "a test")
	if _, words := tool.run(t, "dlq", "list"); !strings.Contains(words, "nothing waits") {
		t.Errorf("in the end: %s", words)
	}
	if out, _ := tool.run(t, "status", userOf(2)); !strings.Contains(out, "done") {
		t.Errorf("status: %s", out)
	}
	stop()
}

// elsewhere is a hire of a location that does not exist.
func elsewhere(t *testing.T, m sent) sent {
	t.Helper()
	m.body = []byte(strings.Replace(string(m.body), m.command.Data.(command.Assign).LocationID, "nowhere", 1))
	c, err := command.Decode(m.body)
	if err != nil {
		t.Fatal(err)
	}
	return sent{c, m.body}
}

// ends waits until a request has come to an end for the nth time, and nothing is
// left to do.
func (d *deployment) ends(t *testing.T, key command.Key, state ledger.RequestState, attempts int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	eventually(ctx, t, key.ID+" is "+string(state), func() (string, bool) {
		r, _, err := d.ledger.Request(ctx, key)
		if err != nil {
			return err.Error(), false
		}
		return encode(t, r), r.State == state && r.Attempts == attempts
	})
	d.quiet(ctx, t)
}

// operator is somebody with the dialtone command and credentials.
type operator struct {
	bin string
	env []string
}

// operator describes the stack to CloudFormation and builds the command.
func (d *deployment) operator(t *testing.T, parameters map[string]string) operator {
	t.Helper()
	moto := d.endpoints["AWS_ENDPOINT_URL_EVENTBRIDGE"]
	d.describe(t, moto, parameters)
	o := operator{bin: filepath.Join(t.TempDir(), "dialtone"), env: []string{
		"AWS_ENDPOINT_URL_CLOUDFORMATION=" + moto, "AWS_ACCESS_KEY_ID=" + emulators.AccessKey, "AWS_SECRET_ACCESS_KEY=" + emulators.SecretKey,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "USER=operator", "PATH=/usr/bin:/bin",
	}}
	for name, url := range d.endpoints {
		o.env = append(o.env, name+"="+url)
	}
	if out, err := exec.Command("go", "build", "-o", o.bin, "dialtone/infra/cmd/dialtone").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return o
}

// describe makes a stack with the outputs and parameters of this deployment, and
// nothing in it: the resources are on other emulators.
func (d *deployment) describe(t *testing.T, moto string, parameters map[string]string) {
	t.Helper()
	in := &cloudformation.CreateStackInput{StackName: aws.String(stackName)}
	declared := map[string]any{}
	for name, v := range parameters {
		declared[name] = map[string]string{"Type": "String"}
		in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: &name, ParameterValue: &v})
	}
	body, err := json.Marshal(map[string]any{
		"Parameters": declared,
		"Resources":  map[string]any{"Topic": map[string]any{"Type": "AWS::SNS::Topic"}},
		"Outputs": map[string]any{
			"TableName":       map[string]string{"Value": d.table},
			"NumbersQueueUrl": map[string]string{"Value": d.queue(t, "NumbersQueue").url},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	in.TemplateBody = aws.String(string(body))
	client := cloudformation.New(cloudformation.Options{Region: emulators.Region, BaseEndpoint: &moto, Credentials: keys()})
	if _, err := client.CreateStack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// run runs the command on the stack; it must succeed.
func (o operator) run(t *testing.T, args ...string) (out, words string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(t.Context(), o.bin, slices.Concat(args, []string{"--stack", stackName, "--region", emulators.Region})...)
	c.Env, c.Stdout, c.Stderr = o.env, &stdout, &stderr
	if err := c.Run(); err != nil {
		t.Errorf("dialtone %s: %v\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String(), stderr.String()
}
