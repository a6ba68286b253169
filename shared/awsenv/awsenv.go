// Package awsenv configures the AWS SDK from the environment of a Lambda
// function: region, credentials and endpoints, by the SDK's own variables.
//
// The SDK's config module does this and much more that no function needs
// (profiles, files, instance metadata); it costs a function about 8 ms at every
// cold start and 2 MB, which is why it is not used.
package awsenv

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"dialtone/shared/env"
)

// Environment is what an SDK client is made with.
type Environment struct {
	config    aws.Config
	endpoints map[string]string // by service; "" for all others
}

// attempt bounds one HTTP exchange. A dead connection then costs a try of the
// SDK's, not the time of the whole invocation. connect is less, so that where
// nobody answers the error says that no connection came about.
const (
	attempt = 3 * time.Second
	connect = 2 * time.Second
)

// services are those whose endpoints can be set on their own, as the SDK spells them.
func services() []string { return []string{"DYNAMODB", "SQS", "SECRETS_MANAGER", "EVENTBRIDGE"} }

// Read reads AWS_REGION, and AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>
// where they are set. Problems are left with the reader. Credentials are looked
// up at their first use, so that a function without them starts and says so.
func Read(r *env.Reader) Environment {
	e := Environment{
		config: aws.Config{
			Region:      r.String("AWS_REGION"),
			Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(credentials)),
			HTTPClient:  awshttp.NewBuildableClient().WithTimeout(attempt).WithDialerOptions(func(d *net.Dialer) { d.Timeout = connect }),
		},
		endpoints: map[string]string{"": r.URLOr("AWS_ENDPOINT_URL", "")},
	}
	for _, s := range services() {
		e.endpoints[s] = r.URLOr("AWS_ENDPOINT_URL_"+s, "")
	}
	return e
}

// DynamoDB returns the configuration of a DynamoDB client.
func (e Environment) DynamoDB() aws.Config { return e.at("DYNAMODB") }

// SQS returns the configuration of an SQS client.
func (e Environment) SQS() aws.Config { return e.at("SQS") }

// SecretsManager returns the configuration of a Secrets Manager client.
func (e Environment) SecretsManager() aws.Config { return e.at("SECRETS_MANAGER") }

// EventBridge returns the configuration of an EventBridge client.
func (e Environment) EventBridge() aws.Config { return e.at("EVENTBRIDGE") }

func (e Environment) at(service string) aws.Config {
	c := e.config.Copy()
	for _, url := range []string{e.endpoints[service], e.endpoints[""]} {
		if url != "" {
			c.BaseEndpoint = aws.String(url)
			break
		}
	}
	return c
}

var errNoCredentials = errors.New("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set: Lambda sets both from the function's role")

// credentials reads those that Lambda gives a function for its role; they last
// as long as the process.
func credentials(context.Context) (aws.Credentials, error) {
	c := aws.Credentials{
		AccessKeyID:     strings.TrimSpace(os.Getenv("AWS_ACCESS_KEY_ID")),
		SecretAccessKey: strings.TrimSpace(os.Getenv("AWS_SECRET_ACCESS_KEY")),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return aws.Credentials{}, errNoCredentials
	}
	return c, nil
}
