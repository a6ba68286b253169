// Command schedule-refresh is the Lambda function that a schedule invokes every
// five minutes.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dialtone/functions/schedule-refresh/schedulerefresh"
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
func wire(r *env.Reader, log *slog.Logger) (*schedulerefresh.Handler, error) {
	cloud, table, queue := awsenv.Read(r), r.String("DIALTONE_TABLE"), r.String("CONTACTS_QUEUE_URL")
	rate := schedulerefresh.ReadRate(r)
	if err := r.Err(); err != nil {
		return nil, err
	}
	sender, err := sqsqueue.NewSender(sqs.NewFromConfig(cloud.SQS()), queue)
	if err != nil {
		return nil, err
	}
	return schedulerefresh.New(schedulerefresh.Config{
		Ledger: ledger.New(dynamo.New(dynamodb.NewFromConfig(cloud.DynamoDB()), table), ledger.Options{}),
		Queue:  sender, UsersPerSecond: rate, Logger: log,
	})
}
