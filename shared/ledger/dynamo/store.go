// Package dynamo keeps the ledger in one DynamoDB table: the ledger on AWS.
//
// Every write is a PutItem with a condition on the item's version, every read
// by key is consistent, and lists are queries of one sparse index, which may lag
// behind by about a second. There are no transactions, scans or counters.
//
// # Failures
//
// The client's own retryer repeats what was throttled, timed out or answered
// with a server error: by default three attempts with jittered waits, all within
// the caller's context. A repeated write that had been applied the first time
// fails on its own version; the ledger recognises its bytes. When the attempts
// or the context end first, the error says what stood in the way, and whether
// the item was written is unknown. So a caller needs a context with a deadline,
// as every Lambda invocation has one; an attempt on a dead connection lasts as
// long as the client's HTTP client lets it.
//
// # Limits
//
// An item holds 400 KB, names of attributes and all. A list is one partition of
// the index: it takes 1,000 writes of 1 KB a second, beyond which writes to the
// items themselves are throttled and repeated. That is per location, per user,
// and one for all dead letters. A Sort has at most 1,023 bytes; an Index and a
// Kind with its ID at most 2,048. (Amazon DynamoDB Developer Guide: "Quotas in
// Amazon DynamoDB", "Using write sharding".)
package dynamo

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dialtone/shared/ledger"
)

// pageSize is how many items List asks for at once. A caller that stops early
// pays for one page; what it reads at most is 200 small items.
const pageSize = 200

// Store is a [ledger.Store] in a DynamoDB table made as [Table] says. It is safe
// for concurrent use.
type Store struct {
	client *dynamodb.Client
	table  string
}

// New returns the store in a table. It calls nobody: a table that is not there
// shows at the first use. The client is the caller's, since how it finds its
// credentials decides how fast a function starts.
func New(client *dynamodb.Client, table string) *Store {
	return &Store{client: client, table: table}
}

// Get implements [ledger.Store].
func (s *Store) Get(ctx context.Context, key ledger.Key) (ledger.Item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.table, Key: encodeKey(key), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return ledger.Item{}, s.failure("get "+string(key.Kind), err)
	}
	item, err := live(out.Item)
	if err != nil {
		return ledger.Item{}, s.failure("get "+string(key.Kind), err)
	}
	return item, nil
}

// Put implements [ledger.Store]. What stands in the way comes with the refusal
// where the service tells it; DynamoDB has nothing to tell of an absent item.
func (s *Store) Put(ctx context.Context, item ledger.Item) error {
	condition, values := unchanged(item.Version)
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: encode(item),
		ConditionExpression: &condition, ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return nil
	}
	refused, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return s.failure("put "+string(item.Key.Kind), err)
	}
	if len(refused.Item) == 0 {
		return ledger.ErrChanged
	}
	current, err := live(refused.Item)
	if err != nil {
		return s.failure("put "+string(item.Key.Kind), err)
	}
	return &ledger.ChangedError{Current: current}
}

// unchanged is the condition that the item still stands at a version, where
// version 0 is absent and an expired item is as good as absent.
func unchanged(version int64) (condition string, values map[string]types.AttributeValue) {
	values = map[string]types.AttributeValue{":now": number(time.Now().Unix())}
	if version == 0 {
		return "attribute_not_exists(pk) OR expires <= :now", values
	}
	values[":version"] = number(version)
	return "version = :version AND (attribute_not_exists(expires) OR expires > :now)", values
}

// List implements [ledger.Store]. It asks for a page when the loop has come to
// its first item, and may miss what was written in the last second.
func (s *Store) List(ctx context.Context, index, from, to string) iter.Seq2[ledger.Item, error] {
	return func(yield func(ledger.Item, error) bool) {
		query := s.query(index, from, to)
		if query == nil {
			if err := ctx.Err(); err != nil {
				yield(ledger.Item{}, s.failure("list "+index, err))
			}
			return
		}
		for {
			page, err := s.page(ctx, query)
			if err != nil {
				yield(ledger.Item{}, s.failure("list "+index, err))
				return
			}
			for _, item := range page {
				if !yield(item, nil) {
					return
				}
			}
			if len(query.ExclusiveStartKey) == 0 {
				return
			}
		}
	}
}

// page reads the items of one page that count, and moves the query on to the next.
func (s *Store) page(ctx context.Context, query *dynamodb.QueryInput) ([]ledger.Item, error) {
	out, err := s.client.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	query.ExclusiveStartKey = out.LastEvaluatedKey
	items := make([]ledger.Item, 0, len(out.Items))
	for _, a := range out.Items {
		item, err := live(a)
		if err != nil {
			return nil, err
		}
		if item.Version > 0 {
			items = append(items, item)
		}
	}
	return items, nil
}

// query is the question for a list's first page; nil where nothing can be in it,
// which DynamoDB would refuse to be asked.
func (s *Store) query(index, from, to string) *dynamodb.QueryInput {
	if index == "" || to != "" && to < from {
		return nil
	}
	condition := "idx = :idx AND sort >= :from"
	values := map[string]types.AttributeValue{":idx": text(index), ":from": text(sortMark + from)}
	if to != "" {
		condition = "idx = :idx AND sort BETWEEN :from AND :to"
		values[":to"] = text(sortMark + to)
	}
	return &dynamodb.QueryInput{
		TableName: &s.table, IndexName: aws.String(IndexName), Limit: aws.Int32(pageSize),
		KeyConditionExpression: &condition, ExpressionAttributeValues: values,
	}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
