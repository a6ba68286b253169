// Command publish-outcomes is the Lambda function behind the ledger's stream.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"dialtone/functions/publish-outcomes/publishoutcomes"
	"dialtone/shared/awsenv"
	"dialtone/shared/env"
	"dialtone/shared/logattr"
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
func wire(r *env.Reader, log *slog.Logger) (*publishoutcomes.Handler, error) {
	cloud, bus := awsenv.Read(r), r.String("DIALTONE_BUS")
	if err := r.Err(); err != nil {
		return nil, err
	}
	return publishoutcomes.New(publishoutcomes.EventBridge{Client: eventbridge.NewFromConfig(cloud.EventBridge()), Name: bus}, log)
}
