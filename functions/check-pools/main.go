// Command check-pools is the Lambda function that a schedule invokes every hour.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"dialtone/functions/check-pools/checkpools"
	"dialtone/shared/awsenv"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/dynamo"
	"dialtone/shared/logattr"
	"dialtone/shared/secrets"
	"dialtone/shared/vendors/webexcloud"
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

// wire makes the handler and calls nobody. Each process of change-number has as
// large a share of the Webex rate as this one.
func wire(r *env.Reader, log *slog.Logger) (*checkpools.Handler, error) {
	cloud, settings, table := awsenv.Read(r), webexcloud.Read(r), r.String("DIALTONE_TABLE")
	limits := checkpools.ReadThresholds(r)
	others := r.IntOr("NUMBERS_CONCURRENCY", 1, 1, 1000)
	if err := r.Err(); err != nil {
		return nil, err
	}
	l := ledger.New(dynamo.New(dynamodb.NewFromConfig(cloud.DynamoDB()), table), ledger.Options{})
	vault, err := secrets.New(secrets.Config{Client: secretsmanager.NewFromConfig(cloud.SecretsManager())})
	if err != nil {
		return nil, err
	}
	client, _, err := settings.Connect(webexcloud.Surroundings{Ledger: l, Secrets: vault, Processes: others + 1, Logger: log})
	if err != nil {
		return nil, err
	}
	return checkpools.New(checkpools.Config{Ledger: l, Webex: client, Thresholds: limits, Logger: log})
}
