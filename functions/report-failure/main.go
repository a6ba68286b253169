// Command report-failure is the Lambda function behind the dead-letter queues.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dialtone/functions/report-failure/reportfailure"
	"dialtone/shared/awsenv"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/dynamo"
	"dialtone/shared/logattr"
	"dialtone/shared/sqsqueue"
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
func wire(r *env.Reader, log *slog.Logger) (*reportfailure.Handler, error) {
	cloud, table := awsenv.Read(r), r.String("DIALTONE_TABLE")
	letters := []sqsqueue.Queue{{URL: r.String("NUMBERS_DEAD_LETTER_QUEUE_URL")}, {URL: r.String("SIMRING_DEAD_LETTER_QUEUE_URL")}}
	if err := r.Err(); err != nil {
		return nil, err
	}
	queues, err := sqsqueue.New(sqs.NewFromConfig(cloud.SQS()), letters...)
	if err != nil {
		return nil, err
	}
	l := ledger.New(dynamo.New(dynamodb.NewFromConfig(cloud.DynamoDB()), table), ledger.Options{})
	return reportfailure.New(reportfailure.Config{Ledger: l, Visibility: queues, Logger: log})
}
