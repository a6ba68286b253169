// Command change-number is the Lambda function behind the queue numbers.fifo.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dialtone/functions/change-number/changenumber"
	"dialtone/shared/awsenv"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/dynamo"
	"dialtone/shared/logattr"
	"dialtone/shared/secrets"
	"dialtone/shared/sqsqueue"
	"dialtone/shared/vendors"
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

// wire makes the handler and calls nobody. One more process, check-pools, calls Webex.
func wire(r *env.Reader, log *slog.Logger) (*changenumber.Handler, error) {
	cloud, settings, table := awsenv.Read(r), vendors.Read(r), r.String("DIALTONE_TABLE")
	queue := sqsqueue.Queue{URL: r.String("NUMBERS_QUEUE_URL"), DeadLetterURL: r.String("NUMBERS_DEAD_LETTER_QUEUE_URL")}
	c := changenumber.Config{Concurrency: r.IntOr("UCWA_CONCURRENCY", 10, 1, 1000), Logger: log}
	c.Quarantine, c.QuarantineAt = r.DaysOr("QUARANTINE_DAYS", 30, 1, 3650), r.DaysByID("QUARANTINE_DAYS_BY_LOCATION", 1, 3650)
	processes := r.IntOr("NUMBERS_CONCURRENCY", 1, 1, 1000)
	if err := r.Err(); err != nil {
		return nil, err
	}
	queues, err := sqsqueue.New(sqs.NewFromConfig(cloud.SQS()), queue)
	if err != nil {
		return nil, err
	}
	c.Ledger = ledger.New(dynamo.New(dynamodb.NewFromConfig(cloud.DynamoDB()), table), ledger.Options{})
	vault, err := secrets.New(secrets.Config{Client: secretsmanager.NewFromConfig(cloud.SecretsManager())})
	if err != nil {
		return nil, err
	}
	clients, err := settings.Connect(vendors.Surroundings{Ledger: c.Ledger, Secrets: vault, Processes: processes + 1, Logger: log})
	c.Webex, c.UCWA, c.Ready, c.Visibility, c.DeadLetters = clients.Webex, clients.UCWA, clients.Ready, queues, queues
	if err != nil {
		return nil, err
	}
	return changenumber.New(c)
}
