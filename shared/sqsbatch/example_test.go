package sqsbatch_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/sqsbatch"
)

func Example() {
	q := &queue{} // in a program: the SQS client
	runner, err := sqsbatch.New(sqsbatch.Config{Visibility: q, DeadLetters: q, Concurrency: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch := event(record("assigned", "ada", 1), record("denied", "bob", 1), record("throttled", "eve", 1), record("next", "eve", 1))
	reply, err := runner.Run(context.Background(), batch, func(_ context.Context, m sqsbatch.Message) error {
		switch m.ID {
		case "denied":
			f := &failure.Error{Class: failure.Denied, Reason: "Bob has no enterprise voice."}
			return sqsbatch.DiscardFailure(f, "urn:hr", "hire-7", m.ReceiveCount)
		case "throttled":
			return sqsbatch.RetryAfter(errors.New("webex asks to wait"), 30*time.Second)
		}
		return nil
	})
	fmt.Println(reply, err)
	fmt.Println(q.letters[0].Attributes["reason"])
	// Output:
	// {[{throttled} {next}]} <nil>
	// Bob has no enterprise voice.
}
