package dynamo

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// StreamFilter is the event source mapping's filter pattern that lets only those
// records pass of which [Outcome] makes an outcome, so that no other change of
// the ledger is an invocation: images of requests that are given an expiry,
// which they are when they finish. (AWS Lambda Developer Guide: "Using event
// filtering with a DynamoDB event source".)
const StreamFilter = `{"dynamodb":{"NewImage":{"pk":{"S":[{"prefix":"request/"}]},"expires":{"N":[{"exists":true}]}}}}`

// Outcome returns the outcome that a record of the table's stream brings: that
// of a request whose new image is finished. It is nil, without an error, for
// anything else: other items, requests in progress, deletions.
//
// A stream delivers a record at least once, and a request that was replayed
// finishes twice; the outcome's ID is stable, so that consumers can drop repeats.
// An error means that the image is none of this package's making, now and
// whenever it is read again.
func Outcome(record events.DynamoDBStreamRecord) (*outcome.Event, error) {
	key, ok := imageText(record.NewImage, attrKey)
	if !ok || !strings.HasPrefix(key, string(ledger.KindRequest)+"/") {
		return nil, nil
	}
	data, ok := imageText(record.NewImage, attrData)
	if !ok {
		return nil, fmt.Errorf("read outcome of %s: attribute %s is not a string", key, attrData)
	}
	var r ledger.Request
	if err := json.Unmarshal([]byte(data), &r); err != nil {
		return nil, fmt.Errorf("read outcome of %s: %w", key, err)
	}
	switch r.State {
	case ledger.Done, ledger.Failed:
		if r.Outcome == nil {
			return nil, fmt.Errorf("read outcome of %s: it is %s without one", key, r.State)
		}
		return r.Outcome, nil
	case ledger.Running, ledger.Waiting:
		return nil, nil
	}
	return nil, fmt.Errorf("read outcome of %s: unknown state %q", key, r.State)
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
