package template

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"dialtone/shared/ledger/dynamo"
)

// noTree is a tree without files.
type noTree struct{}

func (noTree) Open(string) (fs.File, error) { return nil, fs.ErrNotExist }

// TestLedgerTable compares the table with the one that the ledger works on.
func TestLedgerTable(t *testing.T) {
	t.Parallel()
	s := load(t, templateFile)
	table, want := s.find("Table").props, dynamo.Table("x")

	same(t, "BillingMode", text(table["BillingMode"]), string(want.BillingMode))
	same(t, "key", keys(table["KeySchema"]), schema(want.KeySchema))
	same(t, "StreamViewType", text(at(table, "StreamSpecification", "StreamViewType")), string(want.StreamSpecification.StreamViewType))
	same(t, "TTL", text(at(table, "TimeToLiveSpecification", "AttributeName")), *dynamo.TimeToLive("x").TimeToLiveSpecification.AttributeName)

	indexes := list(table["GlobalSecondaryIndexes"])
	same(t, "indexes", len(indexes), len(want.GlobalSecondaryIndexes))
	for i, index := range want.GlobalSecondaryIndexes {
		same(t, "index", text(at(indexes[i], "IndexName")), *index.IndexName)
		same(t, "index key", keys(at(indexes[i], "KeySchema")), schema(index.KeySchema))
		same(t, "projection", text(at(indexes[i], "Projection", "ProjectionType")), string(index.Projection.ProjectionType))
	}
	var attributes, wanted string
	for _, a := range list(table["AttributeDefinitions"]) {
		attributes += text(at(a, "AttributeName")) + ":" + text(at(a, "AttributeType")) + " "
	}
	for _, a := range want.AttributeDefinitions {
		wanted += *a.AttributeName + ":" + string(a.AttributeType) + " "
	}
	same(t, "attributes", attributes, wanted)
}

func keys(v any) string {
	var s string
	for _, k := range list(v) {
		s += text(at(k, "AttributeName")) + ":" + text(at(k, "KeyType")) + " "
	}
	return s
}

func schema(all []types.KeySchemaElement) string {
	var s string
	for _, k := range all {
		s += *k.AttributeName + ":" + string(k.KeyType) + " "
	}
	return s
}

func same[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// TestLedgerAccess holds the roles that reach the table to what the ledger does.
func TestLedgerAccess(t *testing.T) {
	t.Parallel()
	s := load(t, templateFile)
	used := map[string]bool{}
	for _, role := range s.ofType("AWS::IAM::Role") {
		for _, st := range s.statements(role) {
			for _, a := range st.actions {
				if target(st.resources[0]) == "Table" && !s.allows(role, "dynamodb:GetRecords", "Table") {
					used[a] = true
					if !slices.Contains(dynamo.Actions(), a) {
						t.Errorf("%s allows %s, which the ledger does not use", role.id, a)
					}
				}
			}
		}
	}
	for _, a := range dynamo.Actions() {
		if !used[a] {
			t.Errorf("no role allows %s", a)
		}
	}
	filters := list(at(s.find("PublishOutcomes").props, "Events", "Changes", "Properties", "FilterCriteria", "Filters"))
	if len(filters) != 1 || at(filters[0], "Pattern") != dynamo.StreamFilter {
		t.Errorf("filter of the stream: got %v, want %s", filters, dynamo.StreamFilter)
	}
}
