package queuetest

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

func standardRows() []row {
	return []row{
		{"body comes back byte for byte", 0, bodyExact},
		{"message attributes come back", 0, attributes},
		{"system attributes of a receive", 3 * time.Second, systemAttributes},
		{"group id on a standard queue comes back", 0, standardGroup},
		{"delete removes", 2 * time.Second, deleteRemoves},
		{"delete twice is a success", 0, deleteTwice},
		{"batch of ten", 0, batchOfTen},
		{"batch send fails in part", 0, sendBatchPart},
		{"batch delete fails in part", 0, deleteBatchPart},
		{"batch change of visibility", 0, changeBatch},
		{"counts", 0, counts},
		{"purge", 0, purge},
		{"no message goes to two receivers at once", 0, noDoubleDelivery},
	}
}

func bodyExact(r *recorder) {
	q := r.queue(Config{})
	for _, body := range []string{
		"x", "{\"a\": [1, 2]}\n", " \t\r\n spaces \u00a0 ", "äöü ß € \U0001F4DE", "\u2028<&>\"'\\u0041", "%41+%20",
		strings.Repeat("0123456789abcdef", 4096),
	} {
		sent := q.send(Outgoing{Body: body})
		m := q.one(0)
		if m.Body != body {
			r.Errorf("sent %q, received %q", clip(body), clip(m.Body))
		}
		if m.ID != sent.ID {
			r.Errorf("sent id %q, received %q", sent.ID, m.ID)
		}
		q.delete(m)
	}
}

func attributes(r *recorder) {
	q := r.queue(Config{})
	want := map[string]Attribute{
		"reason":    {DataType: "String", StringValue: "Ärger \t\n"},
		"attempts":  {DataType: "Number", StringValue: "3"},
		"raw":       {DataType: "Binary", BinaryValue: []byte{0, 1, 0xff}},
		"my.custom": {DataType: "String.iso", StringValue: "x"},
	}
	q.send(Outgoing{Body: "x", Attributes: want})
	got := q.one(0).Attributes
	equal := maps.EqualFunc(got, want, func(a, b Attribute) bool {
		return a.DataType == b.DataType && a.StringValue == b.StringValue && bytes.Equal(a.BinaryValue, b.BinaryValue)
	})
	if !equal {
		r.Errorf("got %v, want %v", got, want)
	}
}

func systemAttributes(r *recorder) {
	q := r.queue(Config{Visibility: 1})
	before := time.Now()
	q.sendBodies("x")
	first := q.one(0)
	if first.ReceiveCount != 1 || first.Receipt == "" {
		r.Errorf("first receive: count %d, receipt %q", first.ReceiveCount, first.Receipt)
	}
	r.near("sent", first.SentAt.Sub(before), 0)
	r.near("first received", first.FirstReceivedAt.Sub(before), 0)
	sleep(1.1)
	second := q.one(1)
	if second.ID != first.ID || second.Receipt == first.Receipt || second.ReceiveCount != 2 {
		r.Errorf("second receive: %+v", second)
	}
	if !second.FirstReceivedAt.Equal(first.FirstReceivedAt) || !second.SentAt.Equal(first.SentAt) {
		r.Errorf("times changed: %+v, then %+v", first, second)
	}
	sleep(1.1)
	if third := q.one(0); third.ReceiveCount != 3 {
		r.Errorf("third receive has count %d", third.ReceiveCount)
	}
}

func standardGroup(r *recorder) {
	q := r.queue(Config{})
	q.send(Outgoing{Body: "a", Group: "tenant"})
	q.send(Outgoing{Body: "b", Group: "tenant"})
	for range 2 { // not locked: fair queues do not order
		if m := q.one(0); m.Group != "tenant" {
			r.Errorf("group is %q", m.Group)
		}
	}
}

func deleteRemoves(r *recorder) {
	q := r.queue(Config{Visibility: 1})
	q.sendBodies("x")
	q.delete(q.one(0))
	sleep(1.2)
	q.none("after the delete and the visibility timeout")
}

func deleteTwice(r *recorder) {
	q := r.queue(Config{})
	q.sendBodies("x")
	m := q.one(0)
	q.delete(m)
	q.delete(m)
}

func batchOfTen(r *recorder) {
	q := r.queue(Config{})
	var batch []Outgoing
	for i := range 10 {
		batch = append(batch, Outgoing{Body: strconv.Itoa(i)})
	}
	outcomes, err := q.SendBatch(r.Context(), batch)
	if err != nil || len(outcomes) != 10 {
		r.Fatalf("send batch: %d outcomes, %v", len(outcomes), err)
	}
	ids := make(map[string]string)
	for i, o := range outcomes {
		if o.Err != nil || o.ID == "" {
			r.Errorf("entry %d: %+v", i, o)
		}
		ids[o.ID] = batch[i].Body
	}
	got := q.all()
	var receipts []string
	for _, m := range got {
		if ids[m.ID] != m.Body {
			r.Errorf("body %q has the id of %q", m.Body, ids[m.ID])
		}
		receipts = append(receipts, m.Receipt)
	}
	if len(receipts) != 10 {
		r.Fatalf("received %d", len(receipts))
	}
	errs, err := q.DeleteBatch(r.Context(), receipts)
	if err != nil || slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		r.Errorf("delete batch: %v %v", errs, err)
	}
	if c, err := q.Counts(r.Context()); err != nil || c != (Counts{}) {
		r.Errorf("after the delete: %+v %v", c, err)
	}
}

func sendBatchPart(r *recorder) {
	q := r.queue(Config{})
	outcomes, err := q.SendBatch(r.Context(), []Outgoing{{Body: "a"}, {Body: "bad", Delay: 901}, {Body: "c"}})
	if err != nil || len(outcomes) != 3 {
		r.Fatalf("send batch: %d outcomes, %v", len(outcomes), err)
	}
	r.refused("delay of 901 s", outcomes[1].Err, "InvalidParameterValue")
	if outcomes[0].Err != nil || outcomes[2].Err != nil {
		r.Errorf("good entries: %v, %v", outcomes[0].Err, outcomes[2].Err)
	}
	got := q.all()
	slices.SortFunc(got, func(a, b Received) int { return strings.Compare(a.Body, b.Body) })
	r.want(got, "a", "c")
}

func deleteBatchPart(r *recorder) {
	q := r.queue(Config{})
	q.sendBodies("a")
	errs, err := q.DeleteBatch(r.Context(), []string{q.one(0).Receipt, "garbage"})
	if err != nil || len(errs) != 2 {
		r.Fatalf("delete batch: %v, %v", errs, err)
	}
	if errs[0] != nil {
		r.Errorf("good entry: %v", errs[0])
	}
	r.refused("a garbage receipt", errs[1], "ReceiptHandleIsInvalid")
}

func changeBatch(r *recorder) {
	q := r.queue(Config{})
	q.sendBodies("a", "b")
	var receipts []string
	for _, m := range q.all() {
		receipts = append(receipts, m.Receipt)
	}
	errs, err := q.ChangeVisibilityBatch(r.Context(), append(receipts, "garbage"), 0)
	if err != nil || len(errs) != 3 || errs[0] != nil || errs[1] != nil {
		r.Fatalf("change batch: %v, %v", errs, err)
	}
	r.refused("a garbage receipt", errs[2], "ReceiptHandleIsInvalid")
	if got := q.all(); len(got) != 2 {
		r.Errorf("visible again: %s", bodies(got))
	}
}

func counts(r *recorder) {
	q := r.queue(Config{})
	q.sendBodies("a", "b", "c")
	q.send(Outgoing{Body: "later", Delay: 600})
	q.one(0)
	c, err := q.Counts(r.Context())
	if want := (Counts{Visible: 2, InFlight: 1, Delayed: 1}); err != nil || c != want {
		r.Errorf("counts %+v %v, want %+v", c, err, want)
	}
}

func purge(r *recorder) {
	q := r.queue(Config{})
	q.sendBodies("a", "b", "c")
	q.one(0)
	if err := q.Purge(r.Context()); err != nil {
		r.Fatalf("purge: %v", err)
	}
	q.none("after the purge")
	if c, err := q.Counts(r.Context()); err != nil || c != (Counts{}) {
		r.Errorf("counts after the purge: %+v %v", c, err)
	}
}

func noDoubleDelivery(r *recorder) {
	q := r.queue(Config{})
	const n = 60
	for i := range n {
		q.sendBodies(strconv.Itoa(i))
	}
	var mu sync.Mutex
	seen := make(map[string]int)
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			for {
				got, err := q.Receive(r.Context(), 3, 1, 0)
				if err != nil {
					r.Errorf("receive: %v", err)
				}
				if len(got) == 0 {
					return
				}
				mu.Lock()
				for _, m := range got {
					seen[m.Body]++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for i := range n {
		if times := seen[strconv.Itoa(i)]; times != 1 {
			r.Errorf("message %d was delivered %d times", i, times)
		}
	}
}
