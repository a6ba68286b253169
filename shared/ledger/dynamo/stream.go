package dynamo

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// StreamFilter is the event source mapping's filter pattern that lets only those
// records pass of which [Outcome] makes an outcome, so that no other change of
// the ledger is an invocation: images of requests that are given an expiry,
// which they are when they finish, and of notices, which have one from the start. (AWS Lambda Developer Guide: "Using event
// filtering with a DynamoDB event source".)
const StreamFilter = `{"dynamodb":{"NewImage":{"pk":{"S":[{"prefix":"request/"},{"prefix":"notice/"}]},"expires":{"N":[{"exists":true}]}}}}`

// Outcome returns the outcome that a record of the table's stream brings: that
// of a request whose new image is finished, or a notice, which answers none. It is
// nil, without an error, for anything else: other items, requests in progress,
// deletions.
//
// A stream delivers a record at least once, and a request that was replayed
// finishes twice; the outcome's ID is stable, so that consumers can drop repeats.
// An error means that the image is none of this package's making, now and
// whenever it is read again.
func Outcome(record events.DynamoDBStreamRecord) (*outcome.Event, error) {
	key, _ := imageText(record.NewImage, attrKey)
	kind, _, _ := strings.Cut(key, "/")
	outcomeOf := map[ledger.Kind]func([]byte) (*outcome.Event, error){
		ledger.KindRequest: answered, ledger.KindNotice: noticed,
	}[ledger.Kind(kind)]
	if outcomeOf == nil {
		return nil, nil
	}
	data, ok := imageText(record.NewImage, attrData)
	if !ok {
		return nil, fmt.Errorf("read outcome of %s: attribute %s is not a string", key, attrData)
	}
	o, err := outcomeOf([]byte(data))
	if err != nil {
		return nil, fmt.Errorf("read outcome of %s: %w", key, err)
	}
	return o, nil
}

// answered returns the outcome of a finished request.
func answered(data []byte) (*outcome.Event, error) {
	var r ledger.Request
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	switch r.State {
	case ledger.Done, ledger.Failed:
		if r.Outcome == nil {
			return nil, fmt.Errorf("it is %s without one", r.State)
		}
		return r.Outcome, nil
	case ledger.Running, ledger.Waiting:
		return nil, nil
	}
	return nil, fmt.Errorf("unknown state %q", r.State)
}

// noticed returns the event of a notice.
func noticed(data []byte) (*outcome.Event, error) {
	var n ledger.Notice
	if err := json.Unmarshal(data, &n); err != nil {
		return nil, err
	}
	if n.Event.ID == "" {
		return nil, errors.New("it is a notice without an event")
	}
	return &n.Event, nil
}

// imageText returns a string attribute of an image; ok is false where there is
// none of that name and type.
func imageText(image map[string]events.DynamoDBAttributeValue, name string) (s string, ok bool) {
	v, ok := image[name]
	if !ok || v.DataType() != events.DataTypeString {
		return "", false
	}
	return v.String(), true
}
