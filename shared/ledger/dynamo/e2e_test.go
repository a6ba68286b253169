//go:build e2e

package dynamo_test

import (
	"crypto/rand"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"dialtone/infra/emulators"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/dynamo"
	"dialtone/shared/ledger/ledgertest"
)

// TestMain lets many tests run at once however few processors there are: they
// wait for a server.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// dynalite is right under races, and is not told what a table does besides.
// It never tells the old item of a refused write.
func TestConformanceDynalite(t *testing.T) {
	store := create(t, client(emulators.Dynalite(t)))
	ledgertest.Run(t, func(*testing.T) ledger.Store { return store })
}

// moto checks requests more strictly, tells the old item, and slows down with
// every item it holds: small sizes.
func TestConformanceMoto(t *testing.T) {
	store := create(t, client(emulators.Moto(t)))
	ledgertest.Options{Workers: 4, Rounds: 2, Many: 230}.Run(t, func(*testing.T) ledger.Store { return store })
}

// LEDGER_ENDPOINT names any other service that speaks the protocol of DynamoDB,
// in the region and with the credentials of the emulators.
func TestConformanceElsewhere(t *testing.T) {
	endpoint := os.Getenv("LEDGER_ENDPOINT")
	if endpoint == "" {
		t.Skip("LEDGER_ENDPOINT names no further service to test")
	}
	store := create(t, client(endpoint))
	ledgertest.Options{ListLag: 5 * time.Second}.Run(t, func(*testing.T) ledger.Store { return store })
}

// create makes a table of a new name as a template would, and returns its store.
func create(t *testing.T, c *dynamodb.Client) *dynamo.Store {
	t.Helper()
	name := "dialtone-" + rand.Text()
	if _, err := c.CreateTable(t.Context(), dynamo.Table(name)); err != nil {
		t.Fatal(err)
	}
	ready := dynamodb.NewTableExistsWaiter(c, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	})
	if err := ready.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(name)}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return dynamo.New(c, name)
}
