package queuetest

import (
	"fmt"
	"strings"
)

func limitRows() []row {
	return []row{
		{"body up to the limit", 0, bodyLimit},
		{"attributes count towards the limit", 0, attributesCount},
		{"empty body is refused", 0, emptyBody},
		{"control characters are refused", 0, controlCharacters},
		{"delay over 15 minutes is refused", 0, longDelay},
		{"batch sizes", 0, batchSizes},
		{"batch over the limit", 0, batchTooLong},
		{"receive limits", 0, receiveLimits},
		{"garbage receipt is refused", 0, garbageReceipt},
		{"visibility over 12 hours is refused", 0, longVisibility},
		{"bad attributes are refused", 0, badAttributes},
		{"fifo parameters on a standard queue are refused", 0, fifoOnStandard},
	}
}

const kib = 1 << 10

func bodyLimit(r *recorder) {
	q := r.queue(Config{MaxBytes: 256 * kib})
	full := strings.Repeat("€", 256*kib/3) + "x" // three bytes each, one left
	q.send(Outgoing{Body: full})
	if m := q.one(0); m.Body != full {
		r.Errorf("a body of %d bytes came back with %d", len(full), len(m.Body))
	}
	_, err := q.Send(r.Context(), Outgoing{Body: full + "x"})
	r.refused("one byte more than the limit", err, "InvalidParameterValue")
}

func attributesCount(r *recorder) {
	q := r.queue(Config{MaxBytes: 256 * kib})
	_, err := q.Send(r.Context(), Outgoing{
		Body:       strings.Repeat("x", 256*kib-len("nameString")),
		Attributes: map[string]Attribute{"name": {DataType: "String", StringValue: "v"}},
	})
	r.refused("a full body with an attribute", err, "InvalidParameterValue")
}

func emptyBody(r *recorder) {
	_, err := r.queue(Config{}).Send(r.Context(), Outgoing{})
	r.refused("an empty body", err, "MissingParameter", "InvalidParameterValue")
}

func controlCharacters(r *recorder) {
	q := r.queue(Config{})
	for _, c := range []string{"\x00", "\x08", "\x1f", "\uFFFE", "\uFFFF"} {
		_, err := q.Send(r.Context(), Outgoing{Body: "a" + c + "b"})
		r.refused(fmt.Sprintf("a body with %q", c), err, "InvalidMessageContents")
	}
}

func longDelay(r *recorder) {
	_, err := r.queue(Config{}).Send(r.Context(), Outgoing{Body: "x", Delay: 901})
	r.refused("a delay of 901 s", err, "InvalidParameterValue")
}

func batchSizes(r *recorder) {
	q := r.queue(Config{})
	_, err := q.SendBatch(r.Context(), nil)
	r.refused("an empty batch", err, "EmptyBatchRequest", "MissingParameter")
	_, err = q.SendBatch(r.Context(), make([]Outgoing, 11))
	r.refused("a batch of 11", err, "TooManyEntriesInBatchRequest")
	_, err = q.DeleteBatch(r.Context(), make([]string, 11))
	r.refused("a delete batch of 11", err, "TooManyEntriesInBatchRequest")
}

func batchTooLong(r *recorder) {
	q := r.queue(Config{MaxBytes: 256 * kib})
	half := Outgoing{Body: strings.Repeat("x", 128*kib+1)}
	_, err := q.SendBatch(r.Context(), []Outgoing{half, half})
	r.refused("a batch over the limit", err, "BatchRequestTooLong")
	q.none("after the batch")
}

func receiveLimits(r *recorder) {
	q := r.queue(Config{})
	for i := range 12 {
		q.sendBodies(fmt.Sprint(i))
	}
	_, err := q.Receive(r.Context(), 11, 0, 0)
	r.refused("a receive of 11", err, "InvalidParameterValue", "ReadCountOutOfRange")
	_, err = q.Receive(r.Context(), 1, 21, 0)
	r.refused("a wait of 21 s", err, "InvalidParameterValue")
	_, err = q.Receive(r.Context(), 1, 0, 12*3600+1)
	r.refused("a visibility timeout over 12 h", err, "InvalidParameterValue")
	if got := q.receive(3, 0); len(got) == 0 || len(got) > 3 {
		r.Errorf("received %d of at most 3", len(got))
	}
}

func garbageReceipt(r *recorder) {
	q := r.queue(Config{})
	r.refused("delete", q.Delete(r.Context(), "garbage"), "ReceiptHandleIsInvalid")
	r.refused("change of visibility", q.ChangeVisibility(r.Context(), "garbage", 1), "ReceiptHandleIsInvalid")
}

func longVisibility(r *recorder) {
	q := r.queue(Config{})
	q.sendBodies("x")
	m := q.one(0)
	r.refused("12 h and a second", q.ChangeVisibility(r.Context(), m.Receipt, 12*3600+1), "InvalidParameterValue")
	q.hide(m, 3600)
}

func badAttributes(r *recorder) {
	q := r.queue(Config{})
	text := Attribute{DataType: "String", StringValue: "v"}
	eleven := make(map[string]Attribute)
	for i := range 11 {
		eleven[fmt.Sprintf("a%d", i)] = text
	}
	for what, attributes := range map[string]map[string]Attribute{
		"eleven":           eleven,
		"a reserved name":  {"AWS.x": text},
		"a bad name":       {"a b": text},
		"two dots":         {"a..b": text},
		"an unknown type":  {"a": {DataType: "Text", StringValue: "v"}},
		"an empty value":   {"a": {DataType: "String"}},
		"no type":          {"a": {StringValue: "v"}},
		"text in a binary": {"a": {DataType: "Binary", StringValue: "v"}},
	} {
		_, err := q.Send(r.Context(), Outgoing{Body: "x", Attributes: attributes})
		r.refused(what, err, "InvalidParameterValue")
	}
}

func fifoOnStandard(r *recorder) {
	_, err := r.queue(Config{}).Send(r.Context(), Outgoing{Body: "x", DedupID: "d"})
	r.refused("a deduplication id", err, "InvalidParameterValue")
}
