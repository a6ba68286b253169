package queue

import "fmt"

// Code is the kind of a refusal, in the words of the Amazon SQS API Reference.
// Every [*Error] matches its code with errors.Is.
type Code string

// The codes.
const (
	NoSuchQueue        Code = "QueueDoesNotExist"
	InvalidParameter   Code = "InvalidParameterValue"
	MissingParameter   Code = "MissingParameter"
	InvalidContents    Code = "InvalidMessageContents" // characters that SQS does not carry
	EmptyBatch         Code = "EmptyBatchRequest"
	TooManyEntries     Code = "TooManyEntriesInBatchRequest"
	BatchTooLong       Code = "BatchRequestTooLong"
	InvalidReceipt     Code = "ReceiptHandleIsInvalid" // malformed, of another queue, or of an earlier receive
	NotInFlight        Code = "MessageNotInflight"
	UnsupportedRedrive Code = "UnsupportedOperation" // no queue to move messages back to
)

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Error is a request that a queue refuses; trying it again cannot help. Used by
// pointer.
type Error struct {
	Queue  string
	Code   Code
	Detail string // what is wrong, in words, without content of messages
}

// Error names the queue, the code and the detail.
func (e *Error) Error() string { return fmt.Sprintf("queue %s: %s: %s", e.Queue, e.Code, e.Detail) }

// Unwrap returns the code.
func (e *Error) Unwrap() error { return e.Code }

func (q *Queue) refuse(code Code, format string, args ...any) error {
	return &Error{Queue: q.config.Name, Code: code, Detail: fmt.Sprintf(format, args...)}
}
