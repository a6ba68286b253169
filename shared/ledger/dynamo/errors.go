package dynamo

import (
	"errors"
	"fmt"
	"net"

	"github.com/aws/smithy-go"

	"dialtone/shared/failure"
)

// failure says what could not be done and where. What an operator has to mend,
// not time, carries the words for it as a [*failure.Error] that is not permanent:
// the message stays on its queue until it is mended.
func (s *Store) failure(operation string, err error) error {
	err = fmt.Errorf("%s in table %s: %w", operation, s.table, err)
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return s.refused(api.ErrorCode(), err)
	}
	if call, ok := errors.AsType[*net.OpError](err); ok && call.Op == "dial" {
		return &failure.Error{
			Class: failure.Unknown, Reason: "the ledger's table " + s.table + " cannot be reached", // an earlier attempt may have got through
			Advice: "Check AWS_REGION, AWS_ENDPOINT_URL and the way from here to DynamoDB.", Err: err,
		}
	}
	return err
}

// refused puts words to refusals that come back until somebody mends something,
// or the load ends.
// (Amazon DynamoDB Developer Guide: "Error handling with DynamoDB".)
func (s *Store) refused(code string, err error) error {
	f := &failure.Error{Class: failure.Unavailable, Err: err}
	switch code {
	case "ResourceNotFoundException":
		f.Reason = "the ledger's table " + s.table + " is not there"
		f.Advice = "Set DIALTONE_TABLE to the TableName of the stack, and AWS_REGION to its region."
	case "AccessDeniedException":
		f.Reason = "DynamoDB does not let us use the ledger's table " + s.table
		f.Advice = "Grant the role dynamodb:GetItem and PutItem on the table, and Query on its index " + IndexName + "."
	case "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException",
		"MissingAuthenticationTokenException", "IncompleteSignatureException":
		f.Reason = "DynamoDB does not take our AWS credentials"
		f.Advice = "Check the credentials in the environment: they are wrong, over, or of another account."
	case "ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded":
		f.Reason = "DynamoDB throttles the ledger's table " + s.table
		f.Advice = "Nothing to do if it passes, the request waits on its queue; if it stays, compare the table's metrics with the quotas of the account."
	default:
		return err
	}
	return f
}
