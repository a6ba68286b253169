package dynamo

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dialtone/shared/ledger"
)

// The attributes of an item. In conditions and queries they stand by their own
// names, since none of those used there is a reserved word of DynamoDB.
const (
	attrKey     = "pk"      // S: kind, "/", ID. No kind holds a slash
	attrVersion = "version" // N: counts writes from 1
	attrIndex   = "idx"     // S: the list; left out when in none, so that the index is sparse
	attrSort    = "sort"    // S: sortMark and the place in the list
	attrExpires = "expires" // N: Unix seconds; left out when never
	attrData    = "data"    // S: JSON, byte for byte
)

// sortMark goes before every Sort: one may be empty, and a key of an index may not.
const sortMark = "/"

type attributes = map[string]types.AttributeValue

func encodeKey(key ledger.Key) attributes {
	return attributes{attrKey: text(string(key.Kind) + "/" + key.ID)}
}

// encode is the item as it stands after its next write.
func encode(item ledger.Item) attributes {
	a := encodeKey(item.Key)
	a[attrVersion] = number(item.Version + 1)
	a[attrSort] = text(sortMark + item.Sort)
	a[attrData] = text(string(item.Data))
	if item.Index != "" {
		a[attrIndex] = text(item.Index)
	}
	if !item.Expires.IsZero() {
		a[attrExpires] = number(item.Expires.Unix())
	}
	return a
}

// live decodes an item that counts: the zero Item when there is none or its
// time is over.
func live(a attributes) (ledger.Item, error) {
	if len(a) == 0 {
		return ledger.Item{}, nil
	}
	item, err := decode(a)
	if err != nil || !item.Expires.IsZero() && !time.Now().Before(item.Expires) {
		return ledger.Item{}, err
	}
	return item, nil
}

func decode(a attributes) (ledger.Item, error) {
	d := decoder{from: a}
	kind, id, found := strings.Cut(d.text(attrKey), "/")
	sort, marked := strings.CutPrefix(d.text(attrSort), sortMark)
	item := ledger.Item{
		Key: ledger.Key{Kind: ledger.Kind(kind), ID: id}, Version: d.number(attrVersion),
		Sort: sort, Data: []byte(d.text(attrData)),
	}
	if _, listed := a[attrIndex]; listed {
		item.Index = d.text(attrIndex)
	}
	if _, ends := a[attrExpires]; ends {
		item.Expires = time.Unix(d.number(attrExpires), 0).UTC()
	}
	switch {
	case d.err != nil:
		return ledger.Item{}, d.err
	case !found || !marked || item.Version < 1:
		return ledger.Item{}, fmt.Errorf("item %s was not written by dialtone", kind)
	}
	return item, nil
}

// decoder reads attributes and keeps the first problem.
type decoder struct {
	from attributes
	err  error
}

func (d *decoder) text(name string) string {
	v, ok := d.from[name].(*types.AttributeValueMemberS)
	if !ok {
		d.fail(name, "string")
		return ""
	}
	return v.Value
}

func (d *decoder) number(name string) int64 {
	v, ok := d.from[name].(*types.AttributeValueMemberN)
	if !ok {
		d.fail(name, "number")
		return 0
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		d.fail(name, "whole number")
	}
	return n
}

func (d *decoder) fail(name, want string) {
	if d.err == nil {
		d.err = fmt.Errorf("attribute %s is not a %s", name, want)
	}
}
