// Command set-simring is the Lambda function behind the queue simring.fifo.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dialtone/functions/set-simring/setsimring"
	"dialtone/shared/awsenv"
	"dialtone/shared/command"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/dynamo"
	"dialtone/shared/logattr"
	"dialtone/shared/secrets"
	"dialtone/shared/sqsqueue"
	"dialtone/shared/vendors/skype"
)

func main() {
	log := slog.New(logattr.Redacting(lambdacontext.NewLogHandler()))
	h, err := wire(env.New(os.LookupEnv), log)
	if err != nil {
		log.Error("the function cannot start", logattr.Error(err))
		os.Exit(1)
	}
	lambda.Start(h.Handle)
}

// wire makes the handler and calls nobody.
func wire(r *env.Reader, log *slog.Logger) (*setsimring.Handler, error) {
	cloud, settings, table := awsenv.Read(r), skype.Read(r), r.String("DIALTONE_TABLE")
	queue := sqsqueue.Queue{URL: r.String("SIMRING_QUEUE_URL"), DeadLetterURL: r.String("SIMRING_DEAD_LETTER_QUEUE_URL")}
	c := setsimring.Config{Concurrency: r.IntOr("UCWA_CONCURRENCY", 10, 1, 1000), Logger: log}
	if err := r.Err(); err != nil {
		return nil, err
	}
	c.Ledger = ledger.New(dynamo.New(dynamodb.NewFromConfig(cloud.DynamoDB()), table), ledger.Options{})
	queues, err := sqsqueue.New(sqs.NewFromConfig(cloud.SQS()), queue)
	vault, vaultErr := secrets.New(secrets.Config{Client: secretsmanager.NewFromConfig(cloud.SecretsManager())})
	if err := errors.Join(err, vaultErr); err != nil {
		return nil, err
	}
	client, calls, err := settings.Connect(skype.Surroundings{Ledger: c.Ledger, Secrets: vault, Service: setsimring.Service, Logger: log})
	if err != nil {
		return nil, err
	}
	c.Ready = func(ctx context.Context, w command.Command) error { return calls.Ready(ctx, client.Next(w.User)...) }
	c.UCWA, c.Visibility, c.DeadLetters = client, queues, queues
	return setsimring.New(c)
}
