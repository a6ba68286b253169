package deployment

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dialtone/shared/command"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/dynamo"
	"dialtone/shared/secrets"
	"dialtone/shared/sqsqueue"
	"dialtone/shared/vendors"
)

// Outputs of the template that are used here.
const (
	outputTable        = "TableName"
	outputNumbersQueue = "NumbersQueueUrl"
	outputSimRingQueue = "SimringQueueUrl"
)

// stack is a stack on AWS.
type stack struct {
	description
	config aws.Config
	sqs    *sqs.Client
}

// openStack finds credentials where the AWS command line does, and asks
// CloudFormation what the stack consists of.
func openStack(ctx context.Context, p Place) (*Deployment, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(p.Region))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("no AWS region is set: give --region, or set AWS_REGION or a profile that has one")
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("there are no AWS credentials: set AWS_PROFILE, or sign in with `aws sso login` or `aws configure`: %w", err)
	}
	d, err := describe(ctx, cloudformation.NewFromConfig(cfg), p.Stack, cfg.Region)
	if err != nil {
		return nil, err
	}
	table, err := d.output(outputTable)
	if err != nil {
		return nil, err
	}
	l := ledger.New(dynamo.New(dynamodb.NewFromConfig(cfg), table), ledger.Options{})
	return &Deployment{Ledger: l, place: p, base: &stack{description: d, config: cfg, sqs: sqs.NewFromConfig(cfg)}}, nil
}

func (s *stack) deliver(ctx context.Context, c command.Command, body []byte, replay int) (bool, error) {
	url, err := s.queueURL(c.Type)
	if err != nil {
		return false, err
	}
	sender, err := sqsqueue.NewSender(s.sqs, url)
	if err != nil {
		return false, fmt.Errorf("stack %s: %w", s.name, err)
	}
	if r := sender.Send(ctx, sqsqueue.Replay(c, body, replay))[0]; r.Err != nil {
		return false, fmt.Errorf("send to %s: %w", url[strings.LastIndex(url, "/")+1:], r.Err)
	}
	return true, nil
}

func (s *stack) queueURL(typ string) (string, error) {
	switch command.QueueOf(typ) {
	case command.NumbersQueue:
		return s.output(outputNumbersQueue)
	case command.SimRingQueue:
		return s.output(outputSimRingQueue)
	}
	return "", fmt.Errorf("no queue takes %s: use another message type", typ)
}

// settings reads the parameters as the functions do the variables of that name.
func (s *stack) settings() (Settings, error) {
	r := env.New(func(name string) (string, bool) {
		v, found := s.parameters[name]
		return v, found
	})
	read := vendors.Read(r)
	if err := r.Err(); err != nil {
		return Settings{}, fmt.Errorf("parameters of stack %s:\n%w", s.name, err)
	}
	vault, err := secrets.New(secrets.Config{Client: secretsmanager.NewFromConfig(s.config)})
	return Settings{Settings: read, Secrets: vault}, err
}

func (s *stack) close() error { return nil }
