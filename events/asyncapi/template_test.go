package asyncapi_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestChannelsAreDeployed holds the document and the deployed queues against each
// other, by name.
func TestChannelsAreDeployed(t *testing.T) {
	t.Parallel()
	described, deployed := map[string]bool{}, queues(t)
	for name, v := range at(document(t), "channels") {
		c := v.(map[string]any)
		if c["bindings"] == nil {
			continue // the bus
		}
		address := c["address"].(string)
		if at(c, "bindings", "sqs", "queue")["name"] != address {
			t.Errorf("%s: the address is not the queue", name)
		}
		described[address] = true
		if !deployed[address] && exists(t, "../../functions/"+worker(name)) {
			t.Errorf("template.yaml has no queue %s", address)
		}
	}
	// These carry no messages of ours, but the parts of a table's stream that
	// Lambda gave up, and the calls that a schedule could not make.
	delete(deployed, "{stack}-outcomes-dlq")
	delete(deployed, "{stack}-schedules-dlq")
	for _, address := range slices.Sorted(maps.Keys(deployed)) {
		if !described[address] {
			t.Errorf("no channel describes the queue %s", address)
		}
	}
}

// worker is the function without which a channel need not be deployed.
func worker(channel string) string {
	switch {
	case strings.HasPrefix(channel, "simring"):
		return "set-simring"
	case strings.HasPrefix(channel, "contacts"):
		return "refresh-contacts"
	}
	return "change-number"
}

func exists(t *testing.T, folder string) bool {
	t.Helper()
	_, err := os.Stat(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// queues returns the names of the queues of template.yaml, as addresses.
func queues(t *testing.T) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(raw, &template); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for id, r := range template.Resources {
		if r.Type != "AWS::SQS::Queue" {
			continue
		}
		name := ""
		for i := 0; i+1 < len(r.Properties.Content); i += 2 {
			if r.Properties.Content[i].Value == "QueueName" {
				name = r.Properties.Content[i+1].Value
			}
		}
		if name == "" {
			t.Errorf("%s has no name", id)
		}
		names[strings.ReplaceAll(name, "${AWS::StackName}", "{stack}")] = true
	}
	return names
}
