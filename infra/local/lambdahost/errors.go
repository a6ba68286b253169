package lambdahost

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Error types that come from Lambda rather than from the function.
const (
	// TypeTimeout: the function took longer than its timeout and was killed.
	TypeTimeout = "Sandbox.Timedout"
	// TypeMemory: the process had more memory than the function has and was killed.
	TypeMemory = "Runtime.OutOfMemory"
	// TypeExit: the process ended before it answered, or before it asked for work.
	TypeExit = "Runtime.ExitError"
	// TypeEntrypoint: the binary cannot be started.
	TypeEntrypoint = "Runtime.InvalidEntrypoint"
	// TypeTooLarge: the answer is larger than MaxResponse.
	TypeTooLarge = "Function.ResponseSizeTooLarge"
	// TypeUnknown: the function reported an error without saying which.
	TypeUnknown = "Runtime.Unknown"
)

// ErrClosed is in the chain of what Invoke returns after Shutdown was called.
var ErrClosed = errors.New("lambda host is shut down")

// Error is a failure of the function. Encoded as JSON it has the shape that
// Lambda gives a caller: errorType, errorMessage, stackTrace. Used by pointer.
type Error struct {
	Type       string          `json:"errorType"`
	Message    string          `json:"errorMessage"`
	StackTrace json.RawMessage `json:"stackTrace,omitempty"` // as the function sent it

	// Init reports whether the process did not come as far as its first
	// invocation; nothing was invoked then.
	Init bool `json:"-"`

	// FirstLine is what the process wrote first, at most 4 KiB; only with Init.
	FirstLine string `json:"-"`

	// RequestID is that of the invocation; "" with Init.
	RequestID string `json:"-"`
}

// Error renders the failure on one line, with the first line of a process that
// did not start.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Init {
		b.WriteString("function does not start: ")
	}
	fmt.Fprintf(&b, "%s: %s", e.Type, e.Message)
	if e.FirstLine != "" {
		fmt.Fprintf(&b, "; its first line: %s", e.FirstLine)
	}
	return b.String()
}

// reported makes an Error of what a runtime posted. What cannot be decoded
// becomes the message.
func reported(body []byte, header string) *Error {
	e := new(Error)
	if err := json.Unmarshal(body, e); err != nil {
		const most = 1 << 10
		e.Message = strings.ToValidUTF8(string(body[:min(len(body), most)]), "�")
	}
	if e.Type == "" {
		e.Type = header
	}
	if e.Type == "" {
		e.Type = TypeUnknown
	}
	return e
}

func timedOut(what string, after time.Duration) *Error {
	return &Error{Type: TypeTimeout, Message: fmt.Sprintf("%s timed out after %.2f seconds", what, after.Seconds())}
}

// ended describes the end of a process that nobody asked for.
func ended(state *os.ProcessState) *Error {
	if state == nil || state.Success() {
		return &Error{Type: TypeExit, Message: "Runtime exited without providing a reason"}
	}
	return &Error{Type: TypeExit, Message: "Runtime exited with error: " + state.String()}
}

func outgrown(used, memory int) *Error {
	return &Error{Type: TypeMemory, Message: fmt.Sprintf("function was killed with %d MB in use, it has %d MB", used, memory)}
}

func tooLarge(size int64) *Error {
	return &Error{Type: TypeTooLarge, Message: fmt.Sprintf(
		"Response payload size (%d bytes) exceeded maximum allowed payload size (%d bytes).", size, MaxResponse)}
}

// ofRequest says whose failure it is; what comes from Lambda names the request
// in its message, too.
func (e *Error) ofRequest(id string) *Error {
	e.RequestID = id
	if e.Type == TypeExit || e.Type == TypeTimeout || e.Type == TypeMemory {
		e.Message = fmt.Sprintf("RequestId: %s Error: %s", id, e.Message)
	}
	return e
}
