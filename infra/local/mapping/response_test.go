package mapping

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"dialtone/infra/local/queue"
)

func TestFailures(t *testing.T) {
	t.Parallel()
	batch := []queue.Received{{Message: queue.Message{ID: "a"}}, {Message: queue.Message{ID: "b"}}}
	const all = "all"
	for reply, want := range map[string]string{
		"":                            "",
		" \n":                         "",
		"null":                        "",
		"{}":                          "",
		`{"other": 1}`:                "",
		`{"batchItemFailures": []}`:   "",
		`{"batchItemFailures": null}`: "",
		`{"BatchItemFailures": [{}]}`: "", // another key
		`{"batchItemFailures": [{"itemIdentifier": "a"}]}`:                                       "a",
		`{"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}]}`:              "a b",
		`{"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "b"}]}`:              "b",
		`{"batchItemFailures": [{"itemIdentifier": ""}]}`:                                        all,
		`{"batchItemFailures": [{"itemIdentifier": null}]}`:                                      all,
		`{"batchItemFailures": [{"itemIdentifier": 1}]}`:                                         all,
		`{"batchItemFailures": [{"ItemIdentifier": "a"}]}`:                                       all,
		`{"batchItemFailures": [{"itemIdentifier": "a"}, {"id": "b"}]}`:                          all,
		`{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "never received"}]}`: all,
		`{"batchItemFailures": [null]}`:                                                          all,
		`{"batchItemFailures": ["a"]}`:                                                           all,
		`{"batchItemFailures": {}}`:                                                              all,
		`{"batchItemFailures": [`:                                                                all,
		`{} {}`:                                                                                  all,
		`"ok"`:                                                                                   all,
		`[]`:                                                                                     all,
		`ok`:                                                                                     all,
	} {
		failed, err := failures([]byte(reply), batch)
		got := strings.Join(slices.Sorted(maps.Keys(failed)), " ")
		if err != nil {
			got = all
		}
		if got != want {
			t.Errorf("%s: failed %q (%v), want %q", reply, got, err, want)
		}
	}
}

// What a reply cannot be read as must never pass for success.
func FuzzFailures(f *testing.F) {
	f.Add([]byte(`{"batchItemFailures": [{"itemIdentifier": "a"}]}`))
	f.Add([]byte(`{"batchItemFailures": null}`))
	f.Fuzz(func(t *testing.T, reply []byte) {
		failed, err := failures(reply, []queue.Received{{Message: queue.Message{ID: "a"}}})
		if err != nil && failed != nil {
			t.Error("both a list and an error")
		}
		for id := range failed {
			if id != "a" {
				t.Errorf("%q is not of the batch", id)
			}
		}
	})
}

func TestAttributesMD5(t *testing.T) {
	t.Parallel()
	// As the SDKs check it for a message with this one attribute.
	got := attributesMD5(map[string]queue.Attribute{
		"timestamp": {DataType: "Number", StringValue: "1493147359900"},
	})
	if want := "235c5c510d26fb653d073faed50ae77c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
