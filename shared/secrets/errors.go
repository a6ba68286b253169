package secrets

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"dialtone/shared/failure"
	"dialtone/shared/signin"
)

// refusal says what could not be done, and why.
func refusal(operation string, err error) error {
	if missing(err) {
		return fmt.Errorf("%s: %w: %w", operation, signin.ErrNoSecret, err)
	}
	err = fmt.Errorf("%s: %w", operation, err)
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return toMend(api.ErrorCode(), err)
	}
	if call, ok := errors.AsType[*net.OpError](err); ok && call.Op == "dial" {
		return &failure.Error{
			Class: failure.Unavailable, Reason: "Secrets Manager cannot be reached",
			Advice: "Check AWS_REGION, AWS_ENDPOINT_URL and the way from here to Secrets Manager; the request waits on its queue.", Err: err,
		}
	}
	return err
}

// missing reports whether a refusal means that there is none of that name.
func missing(err error) bool {
	_, unknown := errors.AsType[*types.ResourceNotFoundException](err)
	state, refused := errors.AsType[*types.InvalidRequestException](err)
	return unknown || refused && strings.Contains(state.ErrorMessage(), "marked") // for deletion
}

// toMend puts words to refusals that come back until somebody mends something.
// (AWS Secrets Manager User Guide: "Troubleshoot AWS Secrets Manager".)
func toMend(code string, err error) error {
	f := &failure.Error{Class: failure.Unavailable, Err: err}
	switch code {
	case "AccessDeniedException":
		f.Reason = "the role may not use the secret, or there is none of that name"
		f.Advice = "Check the name first: a missing secret shows so where the role names it in full. Then grant secretsmanager:GetSecretValue and PutSecretValue on it; the request waits on its queue."
	case "DecryptionFailure", "EncryptionFailure":
		f.Reason = "the role may not use the secret's KMS key"
		f.Advice = "Set SecretsKeyArn to the key of the secrets and allow the role in the key's policy; the request waits on its queue."
	case "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException",
		"MissingAuthenticationTokenException", "IncompleteSignatureException":
		f.Reason = "Secrets Manager does not take our AWS credentials"
		f.Advice = "Check the credentials in the environment: they are wrong, over, or of another account."
	default:
		return err
	}
	return f
}
