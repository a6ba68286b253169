//go:build e2e

package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// meter adds up what the calls of a client consume: the table's part as the
// service tells it, and for writes the index's part as DynamoDB charges it, since
// dynalite leaves that out.
type meter struct {
	mu    sync.Mutex
	calls map[string]*bill
}

// bill is what all calls of one sort consumed.
type bill struct {
	calls, refused     int
	units, index       float64 // of the call as told, of the index entry written
	bytes, items, most int
	write              bool
}

func newMeter() *meter { return &meter{calls: map[string]*bill{}} }

// attach makes a client ask for the consumed capacity with every call.
func (m *meter) attach(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("meter", m.around), middleware.Before)
	})
}

func (m *meter) around(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	switch p := in.Parameters.(type) {
	case *dynamodb.GetItemInput:
		p.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	case *dynamodb.PutItemInput:
		p.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	case *dynamodb.QueryInput:
		p.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	}
	out, metadata, err := next.HandleInitialize(ctx, in)
	switch p := in.Parameters.(type) {
	case *dynamodb.PutItemInput:
		m.put(p, out.Result, err)
	case *dynamodb.GetItemInput:
		if r, ok := out.Result.(*dynamodb.GetItemOutput); ok {
			m.add("get "+kind(p.Key), false, r.ConsumedCapacity, r.Item)
		}
	case *dynamodb.QueryInput:
		if r, ok := out.Result.(*dynamodb.QueryOutput); ok {
			list, _, _ := strings.Cut(p.ExpressionAttributeValues[":idx"].(*types.AttributeValueMemberS).Value, "/")
			m.add("list "+list, false, r.ConsumedCapacity, r.Items...)
		}
	}
	return out, metadata, err
}

// put counts a write. A refused one is charged like one, by the size of what
// stands in its way, which is one unit for what an assign loses to.
func (m *meter) put(p *dynamodb.PutItemInput, result any, err error) {
	name := "put " + kind(p.Item)
	if r, ok := result.(*dynamodb.PutItemOutput); ok && err == nil {
		m.add(name, true, r.ConsumedCapacity, p.Item)
		m.addIndex(name, p.Item)
		return
	}
	if _, refused := errors.AsType[*types.ConditionalCheckFailedException](err); refused {
		m.mu.Lock()
		defer m.mu.Unlock()
		b := m.bill(name, true)
		b.calls, b.refused, b.units = b.calls+1, b.refused+1, b.units+1
	}
}

func (m *meter) add(name string, write bool, c *types.ConsumedCapacity, items ...map[string]types.AttributeValue) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.bill(name, write)
	b.calls++
	b.units += *c.CapacityUnits
	for _, item := range items {
		if len(item) > 0 {
			b.items++
			b.bytes += size(item)
			b.most = max(b.most, size(item))
		}
	}
}

// addIndex charges the index entry of a listed item: its size in full units, be
// it new or written over. None moves to another place during an assign, which
// would be charged twice. (Amazon DynamoDB Developer Guide: "Provisioned
// throughput considerations for global secondary indexes".)
func (m *meter) addIndex(name string, item map[string]types.AttributeValue) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, listed := item["idx"]; listed {
		m.bill(name, true).index += float64((size(item) + 1023) / 1024)
	}
}

func (m *meter) bill(name string, write bool) *bill {
	if m.calls[name] == nil {
		m.calls[name] = &bill{write: write}
	}
	return m.calls[name]
}

func (m *meter) reset() { m.mu.Lock(); defer m.mu.Unlock(); clear(m.calls) }

func (m *meter) writes() float64 { return m.sum(true) }
func (m *meter) reads() float64  { return m.sum(false) }

func (m *meter) sum(write bool) (units float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.calls {
		if b.write == write {
			units += b.units + b.index
		}
	}
	return units
}

// table shows what one of n assigns took.
func (m *meter) table(n int) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tcalls\trefused\tunits\tunits, index\tbytes an item, mean\tmost\t")
	per := func(v float64) string { return fmt.Sprintf("%.2f", v/float64(n)) }
	m.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(m.calls)) {
		b := m.calls[name]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t\n", name, per(float64(b.calls)), per(float64(b.refused)),
			per(b.units), per(b.index), b.bytes/max(b.items, 1), b.most)
	}
	m.mu.Unlock()
	_ = w.Flush() // into memory
	return fmt.Sprintf("%swrite units %s, read units %s", text.String(), per(m.writes()), per(m.reads()))
}

func kind(a map[string]types.AttributeValue) string {
	k, _, _ := strings.Cut(a["pk"].(*types.AttributeValueMemberS).Value, "/")
	return k
}

// size is what DynamoDB counts for an item: the bytes of names and strings, and
// a number's digits in pairs and one more. (Amazon DynamoDB Developer Guide:
// "DynamoDB item sizes and formats".)
func size(item map[string]types.AttributeValue) (n int) {
	for name, v := range item {
		n += len(name)
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			n += len(v.Value)
		case *types.AttributeValueMemberN:
			n += (len(v.Value)+1)/2 + 1
		}
	}
	return n
}
