package rendered

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Types of the resources that this package has structs for.
const (
	TypeQueue    = "AWS::SQS::Queue"
	TypeFunction = "AWS::Lambda::Function"
	TypeAlias    = "AWS::Lambda::Alias"
	TypeVersion  = "AWS::Lambda::Version"
	TypeMapping  = "AWS::Lambda::EventSourceMapping"
	TypeTable    = "AWS::DynamoDB::Table"
	TypeBus      = "AWS::Events::EventBus"
)

// Queue is a queue of SQS. Times are in seconds.
type Queue struct {
	QueueName              string
	FifoQueue              bool
	SqsManagedSseEnabled   bool
	VisibilityTimeout      Number
	MessageRetentionPeriod Number
	MaximumMessageSize     Number
	RedrivePolicy          *RedrivePolicy
}

// RedrivePolicy says where messages go that were received too often.
type RedrivePolicy struct {
	DeadLetterTargetArn string `json:"deadLetterTargetArn"`
	MaxReceiveCount     Number `json:"maxReceiveCount"`
}

// Function is a Lambda function. Timeout is in seconds.
type Function struct {
	FunctionName, Description, Handler, Runtime, Role string

	Architectures                []string
	Code                         struct{ S3Bucket, S3Key string }
	Environment                  struct{ Variables map[string]Text }
	MemorySize, Timeout          Number
	ReservedConcurrentExecutions Number

	LoggingConfig                  struct{ LogFormat, ApplicationLogLevel, SystemLogLevel, LogGroup string }
	Tags, TracingConfig, VpcConfig json.RawMessage // of no consequence off AWS
}

// Mapping is an event source mapping.
type Mapping struct {
	EventSourceArn, FunctionName string

	BatchSize             Number
	FunctionResponseTypes []string
	ScalingConfig         struct{ MaximumConcurrency Number }

	// Of streams.
	StartingPosition           string
	FilterCriteria             struct{ Filters []struct{ Pattern string } }
	BisectBatchOnFunctionError bool
	MaximumRecordAgeInSeconds  Number
	MaximumRetryAttempts       Number
	DestinationConfig          struct{ OnFailure struct{ Destination string } }
}

// Schedule is a schedule of EventBridge Scheduler. Input "" is its default payload.
type Schedule struct {
	Name, Description, ScheduleExpression, State string

	Target struct {
		Arn, RoleArn, Input string
		DeadLetterConfig    struct{ Arn string }
		RetryPolicy         json.RawMessage // of no consequence off AWS
	}
	FlexibleTimeWindow json.RawMessage
}

// Bus is an event bus.
type Bus struct{ Name string }

// Number is a whole number, which CloudFormation takes as text too.
type Number int

// UnmarshalJSON reads 7 and "7".
func (n *Number) UnmarshalJSON(raw []byte) error {
	var t Text
	if err := t.UnmarshalJSON(raw); err != nil {
		return err
	}
	v, err := strconv.Atoi(string(t))
	if err != nil {
		return fmt.Errorf("%q is no whole number", t)
	}
	*n = Number(v)
	return nil
}

// Text is text, which may stand as a number or truth value in a template.
type Text string

// UnmarshalJSON reads "a", 1.5 and true.
func (t *Text) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err == nil {
		*t = Text(s)
		return nil
	}
	if raw[0] == '{' || raw[0] == '[' || string(raw) == "null" {
		return fmt.Errorf("%s is no single value", raw)
	}
	*t = Text(raw)
	return nil
}
