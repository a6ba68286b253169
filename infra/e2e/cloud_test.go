//go:build e2e

package e2e_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dialtone/infra/e2e/rendered"
	"dialtone/infra/e2e/stream"
	"dialtone/infra/emulators"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/dynamo"
)

// stackName is the name under which the template is deployed.
const stackName = "dialtone"

// wish is what a test wants of its cloud; the zero value is the template as it is.
type wish struct {
	parameters map[string]string         // of the template
	override   map[string]map[string]any // properties of resources, by logical id
	secrets    map[string]string
	keep       bool // the table and the queues survive a kill of their emulators
	repeat     int  // see stream.Mapping
}

// cloud is the emulators with the resources of the template on them.
type cloud struct {
	template *rendered.Template
	queues   map[string]*queueThere // by ARN
	table    string
	streamed *stream.Log
	bus      *listener

	tables    *emulator
	mq        *emulator
	endpoints map[string]string // of services, by the SDK's variable
	sqs       *sqs.Client
	ledger    *ledger.Ledger
}

// emulator is one that can be killed and started again where it was.
type emulator struct {
	*emulators.Server
	make    func(emulators.Options) (*emulators.Server, error)
	options emulators.Options
	ignores []string // attributes of queues that it takes and does not have
}

// start starts it, or starts it again on its port with what it had.
func (e *emulator) start(t *testing.T) {
	t.Helper()
	server, err := e.make(e.options)
	if err != nil {
		t.Fatal(err)
	}
	e.Server, e.options.Port = server, server.Port()
}

// startStores starts the emulators that keep the table and the queues. Fauxqs is
// the quick one; ElasticMQ can be killed.
func (c *cloud) startStores(t *testing.T, keep bool) {
	t.Helper()
	c.tables, c.mq = &emulator{make: emulators.StartDynalite}, &emulator{make: emulators.StartFauxqs}
	if keep {
		c.mq.make, c.mq.ignores = emulators.StartElasticMQ, []string{"MessageRetentionPeriod", "MaximumMessageSize"}
	}
	for _, e := range []*emulator{c.tables, c.mq} {
		if keep {
			e.options.Folder = t.TempDir()
		}
		e.start(t)
		t.Cleanup(func() { e.Kill() })
	}
}

// queueThere is a queue that was created.
type queueThere struct {
	rendered.Queue
	id, url, arn string
}

// newCloud starts emulators and creates what the template says.
func newCloud(t *testing.T, w wish) *cloud {
	t.Helper()
	c := &cloud{queues: map[string]*queueThere{}, template: readTemplate(t, w)}
	c.startStores(t, w.keep)
	moto, queues := emulators.Moto(t), c.mq.URL()
	streamARN := "arn:aws:dynamodb:" + emulators.Region + ":000000000000:table/" + stackName + "-table/stream/2026"
	c.streamed = stream.NewLog(streamARN, emulators.Region)
	recorder := httptest.NewServer(&stream.Recorder{Upstream: c.tables.URL(), Log: c.streamed, Client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}})
	t.Cleanup(recorder.Close)
	c.endpoints = map[string]string{
		"AWS_ENDPOINT_URL_SQS": queues, "AWS_ENDPOINT_URL_DYNAMODB": recorder.URL,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": moto, "AWS_ENDPOINT_URL_EVENTBRIDGE": moto,
	}
	c.sqs = sqs.New(sqs.Options{Region: emulators.Region, BaseEndpoint: &queues, Credentials: keys()})
	c.createTable(t, streamARN)
	c.createQueues(t)
	c.createBus(t, moto)
	createSecrets(t, moto, w.secrets)
	for _, kind := range []string{"AWS::IAM::Role", "AWS::Logs::LogGroup"} { // named by functions, and of no use here
		for _, id := range c.template.Of(kind) {
			c.template.Exists(id, id, map[string]string{"Arn": "arn:aws:none:::" + id})
		}
	}
	return c
}

func keys() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(emulators.AccessKey, emulators.SecretKey, "")
}

// readTemplate reads template.yaml as validate.sh has rendered it.
func readTemplate(t *testing.T, w wish) *rendered.Template {
	t.Helper()
	path := filepath.Join(root, "build", "template", "rendered.json")
	f, err := os.Open(path)
	if err != nil {
		t.Fatalf("%v: `make e2e` renders the template", err)
	}
	defer f.Close()
	values := map[string]string{
		"AWS::StackName": stackName, "AWS::Region": emulators.Region, "AWS::AccountId": "000000000000", "AWS::Partition": "aws",
	}
	for name, v := range w.parameters {
		values[name] = v
	}
	template, err := rendered.Read(f, values)
	if err != nil {
		t.Fatal(err)
	}
	for id, properties := range w.override {
		for name, v := range properties {
			if err := template.Override(id, name, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	return template
}

// properties resolves the properties of a resource.
func properties[T any](t *testing.T, c *cloud, id string) T {
	t.Helper()
	var v T
	if err := c.template.Properties(id, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// createQueues creates dead-letter queues before those that name them.
func (c *cloud) createQueues(t *testing.T) {
	t.Helper()
	ids := c.template.Of(rendered.TypeQueue)
	for left := ids; len(left) > 0; {
		var waiting []string
		for _, id := range left {
			var q rendered.Queue
			if err := c.template.Properties(id, &q); err != nil {
				waiting = append(waiting, id)
				continue
			}
			c.createQueue(t, id, q)
		}
		if len(waiting) == len(left) {
			properties[rendered.Queue](t, c, left[0]) // says why
		}
		left = waiting
	}
}

func (c *cloud) createQueue(t *testing.T, id string, q rendered.Queue) {
	t.Helper()
	attributes := map[string]string{}
	for name, n := range map[string]rendered.Number{
		"VisibilityTimeout": q.VisibilityTimeout, "MessageRetentionPeriod": q.MessageRetentionPeriod, "MaximumMessageSize": q.MaximumMessageSize,
	} {
		if n != 0 {
			attributes[name] = strconv.Itoa(int(n))
		}
	}
	if q.FifoQueue {
		attributes["FifoQueue"] = "true"
	}
	if q.RedrivePolicy != nil {
		policy, err := json.Marshal(q.RedrivePolicy)
		if err != nil {
			t.Fatal(err)
		}
		attributes["RedrivePolicy"] = string(policy)
	}
	made, err := c.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &q.QueueName, Attributes: attributes})
	if err != nil {
		t.Fatalf("create %s: %v", id, err)
	}
	got, err := c.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: made.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		t.Fatalf("create %s: %v", id, err)
	}
	for name, want := range attributes {
		if got.Attributes[name] != want && !slices.Contains(c.mq.ignores, name) {
			t.Errorf("%s.%s is %q on the emulator, want %q", id, name, got.Attributes[name], want)
		}
	}
	there := &queueThere{Queue: q, id: id, url: *made.QueueUrl, arn: got.Attributes["QueueArn"]}
	c.queues[there.arn] = there
	c.template.Exists(id, there.url, map[string]string{"Arn": there.arn, "QueueName": q.QueueName})
}

// queue returns the queue of a logical id.
func (c *cloud) queue(t *testing.T, id string) *queueThere {
	t.Helper()
	for _, q := range c.queues {
		if q.id == id {
			return q
		}
	}
	t.Fatalf("there is no queue %s", id)
	return nil
}

// messages counts those of a queue, hidden ones too.
func (c *cloud) messages(t *testing.T, q *queueThere) int {
	t.Helper()
	out, err := c.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"} {
		v, _ := strconv.Atoi(out.Attributes[name])
		n += v
	}
	return n
}

// tableProperties are those of a table that are the same in the API.
type tableProperties struct {
	dynamodb.CreateTableInput

	PointInTimeRecoverySpecification, TimeToLiveSpecification json.RawMessage
	SSESpecification                                          json.RawMessage // SSEEnabled is called Enabled in the API
}

func (c *cloud) createTable(t *testing.T, streamARN string) {
	t.Helper()
	ids := c.template.Of(rendered.TypeTable)
	if len(ids) != 1 {
		t.Fatalf("the template has the tables %s, want one", ids)
	}
	in := properties[tableProperties](t, c, ids[0]).CreateTableInput
	c.table = cmp.Or(aws.ToString(in.TableName), stackName+"-table") // without a name, CloudFormation makes one
	in.TableName, in.DeletionProtectionEnabled = &c.table, nil
	in.StreamSpecification.StreamEnabled = aws.Bool(true)
	sameTable(t, &in, dynamo.Table(c.table))
	direct := dynamodb.New(dynamodb.Options{Region: emulators.Region, BaseEndpoint: aws.String(c.tables.URL()), Credentials: keys()})
	if _, err := direct.CreateTable(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
	c.ledger = ledger.New(dynamo.New(direct, c.table), ledger.Options{})
	c.template.Exists(ids[0], c.table, map[string]string{"Arn": strings.SplitN(streamARN, "/stream", 2)[0], "StreamArn": streamARN})
}

// sameTable holds the template's table against the one that the ledger wants.
func sameTable(t *testing.T, got, want *dynamodb.CreateTableInput) {
	t.Helper()
	for what, pair := range map[string][2]any{
		"attributes": {got.AttributeDefinitions, want.AttributeDefinitions}, "key": {got.KeySchema, want.KeySchema},
		"indexes": {got.GlobalSecondaryIndexes, want.GlobalSecondaryIndexes}, "stream": {got.StreamSpecification, want.StreamSpecification},
		"billing": {got.BillingMode, want.BillingMode},
	} {
		a, _ := json.Marshal(pair[0])
		b, _ := json.Marshal(pair[1])
		if string(a) != string(b) {
			t.Errorf("%s of the table: the template has %s, the ledger wants %s", what, a, b)
		}
	}
}

func (c *cloud) createBus(t *testing.T, moto string) {
	t.Helper()
	client := eventbridge.New(eventbridge.Options{Region: emulators.Region, BaseEndpoint: &moto, Credentials: keys()})
	for _, id := range c.template.Of(rendered.TypeBus) {
		b := properties[rendered.Bus](t, c, id)
		out, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: &b.Name})
		if err != nil {
			t.Fatal(err)
		}
		c.template.Exists(id, b.Name, map[string]string{"Arn": aws.ToString(out.EventBusArn), "Name": b.Name})
		c.bus = listen(t, client, moto, b.Name)
	}
}

func createSecrets(t *testing.T, moto string, secrets map[string]string) {
	t.Helper()
	client := secretsmanager.New(secretsmanager.Options{Region: emulators.Region, BaseEndpoint: &moto, Credentials: keys()})
	for name, value := range secrets {
		if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value}); err != nil {
			t.Fatal(fmt.Errorf("create secret %s: %w", name, err))
		}
	}
}
