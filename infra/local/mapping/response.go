package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"dialtone/infra/local/queue"
)

// failures reads a reply and returns the ids of the messages that it reports;
// none means that all succeeded. An error means that the whole batch failed.
//
// AWS Lambda: "Implementing partial batch responses", success and failure
// conditions: an empty reply, null, and an empty or null list are a success;
// what is not JSON, a misnamed key, and an identifier that is empty, null or
// not of the batch are a failure of all. Keys are matched exactly.
func failures(response []byte, batch []queue.Received) (map[string]bool, error) {
	if len(bytes.TrimSpace(response)) == 0 {
		return nil, nil
	}
	var reply map[string]json.RawMessage
	if err := json.Unmarshal(response, &reply); err != nil {
		return nil, fmt.Errorf("decode batch response: %w", err)
	}
	list, ok := reply["batchItemFailures"]
	if !ok {
		return nil, nil
	}
	var items []map[string]json.RawMessage
	if err := json.Unmarshal(list, &items); err != nil {
		return nil, fmt.Errorf("decode batchItemFailures: %w", err)
	}
	known := make(map[string]bool, len(batch))
	for _, r := range batch {
		known[r.ID] = true
	}
	failed := make(map[string]bool, len(items))
	for i, item := range items {
		id, err := identifier(item)
		if err != nil {
			return nil, fmt.Errorf("batchItemFailures[%d]: %w", i, err)
		}
		if !known[id] {
			return nil, fmt.Errorf("batchItemFailures[%d]: itemIdentifier is not of this batch", i)
		}
		failed[id] = true
	}
	return failed, nil
}

func identifier(item map[string]json.RawMessage) (string, error) {
	raw, ok := item["itemIdentifier"]
	if !ok {
		return "", errors.New("itemIdentifier is missing")
	}
	var id *string
	if err := json.Unmarshal(raw, &id); err != nil {
		return "", fmt.Errorf("itemIdentifier: %w", err)
	}
	if id == nil || *id == "" {
		return "", errors.New("itemIdentifier is empty")
	}
	return *id, nil
}
