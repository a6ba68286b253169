package awsenv_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"dialtone/shared/awsenv"
	"dialtone/shared/env"
)

func reader(vars map[string]string) *env.Reader {
	return env.New(func(name string) (string, bool) { v, found := vars[name]; return v, found })
}

func TestEndpoints(t *testing.T) {
	r := reader(map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:2",
	})
	e := awsenv.Read(r)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config aws.Config
		want   string
	}{
		"its own":    {e.SQS(), "http://127.0.0.1:2"},
		"all others": {e.DynamoDB(), "http://127.0.0.1:1"},
	} {
		if got := aws.ToString(c.config.BaseEndpoint); got != c.want || c.config.Region != "eu-central-1" {
			t.Errorf("%s: %s in %s", name, got, c.config.Region)
		}
	}
	r = reader(map[string]string{"AWS_REGION": "eu-central-1"})
	if c := awsenv.Read(r).EventBridge(); c.BaseEndpoint != nil {
		t.Errorf("endpoint %s without a variable", *c.BaseEndpoint)
	}
}

func TestProblemsAreLeftWithTheReader(t *testing.T) {
	r := reader(map[string]string{"AWS_ENDPOINT_URL": "nonsense"})
	awsenv.Read(r)
	err := r.Err()
	if err == nil || !strings.Contains(err.Error(), "AWS_REGION") || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL") {
		t.Errorf("problems: %v", err)
	}
}

func TestCredentials(t *testing.T) {
	config := awsenv.Read(reader(map[string]string{"AWS_REGION": "eu-central-1"})).SecretsManager()
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	if _, err := config.Credentials.Retrieve(t.Context()); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("without credentials: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_SESSION_TOKEN", "session")
	c, err := config.Credentials.Retrieve(t.Context())
	if err != nil || c.AccessKeyID != "key" || c.SecretAccessKey != "secret" || c.SessionToken != "session" {
		t.Errorf("%v, %v", c.Source, err)
	}
}
