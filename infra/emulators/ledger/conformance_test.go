//go:build e2e

// Package ledger_test holds the ledger on DynamoDB to the ledger's suite, on
// each emulator, and measures what it costs there.
package ledger_test

import (
	"crypto/rand"
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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

// dynalite gets every row of the suite right, at full size.
func TestDynalite(t *testing.T) {
	c := client(emulators.Dynalite(t))
	store := dynamo.New(c, create(t, c))
	if told(t, store) {
		t.Error("dynalite tells what stands in the way of a write: say so in the comments that say it does not")
	}
	ledgertest.Run(t, func(*testing.T) ledger.Store { return store })
}

// moto gets every row right, too, and knows expiry, but one caller at a time:
// its threads check a condition and write in two steps, so that on a busy machine
// two of them can win. dynalite has the races. It also slows down with every item
// that it holds: small sizes, two pages of a list at the most.
func TestMoto(t *testing.T) {
	c := client(emulators.Moto(t))
	table := create(t, c)
	expires(t, c, table)
	store := dynamo.New(c, table)
	if !told(t, store) {
		t.Error("moto does not tell what stands in the way of a write: no emulator proves that it is read")
	}
	ledgertest.Options{Workers: 1, Rounds: 2, Many: 230}.Run(t, func(*testing.T) ledger.Store { return store })
}

// LEDGER_ENDPOINT names any other service that speaks the protocol of DynamoDB
// and takes the region and the credentials of the emulators.
func TestElsewhere(t *testing.T) {
	endpoint := os.Getenv("LEDGER_ENDPOINT")
	if endpoint == "" {
		t.Skip("LEDGER_ENDPOINT names no further service to test")
	}
	c := client(endpoint)
	table := create(t, c)
	expires(t, c, table)
	store := dynamo.New(c, table)
	ledgertest.Options{ListLag: 5 * time.Second}.Run(t, func(*testing.T) ledger.Store { return store })
}

// told reports whether a refused write tells what stands in its way.
func told(t *testing.T, store *dynamo.Store) bool {
	t.Helper()
	item := ledger.Item{Key: ledger.Key{Kind: "test", ID: rand.Text()}, Data: []byte(`{}`)}
	if err := store.Put(t.Context(), item); err != nil {
		t.Fatal(err)
	}
	err := store.Put(t.Context(), item)
	if !errors.Is(err, ledger.ErrChanged) {
		t.Fatalf("second first write: %v, want ErrChanged", err)
	}
	_, ok := errors.AsType[*ledger.ChangedError](err)
	return ok
}

// expires turns expiry on and fails the test unless the service says that it is.
func expires(t *testing.T, c *dynamodb.Client, table string) {
	t.Helper()
	if _, err := c.UpdateTimeToLive(t.Context(), dynamo.TimeToLive(table)); err != nil {
		t.Fatal(err)
	}
	out, err := c.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	got := out.TimeToLiveDescription
	if aws.ToString(got.AttributeName) != dynamo.ExpiryAttribute || got.TimeToLiveStatus == types.TimeToLiveStatusDisabled {
		t.Errorf("time to live of %s is %s", aws.ToString(got.AttributeName), got.TimeToLiveStatus)
	}
}

// client speaks to an emulator.
func client(endpoint string, with ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: emulators.Region,
		Credentials: credentials.NewStaticCredentialsProvider(emulators.AccessKey, emulators.SecretKey, ""),
	}, with...)
}

// create makes a table of a new name, as a template would.
func create(t *testing.T, c *dynamodb.Client) (table string) {
	t.Helper()
	table = "dialtone-" + rand.Text()
	if _, err := c.CreateTable(t.Context(), dynamo.Table(table)); err != nil {
		t.Fatal(err)
	}
	ready := dynamodb.NewTableExistsWaiter(c, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	})
	if err := ready.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &table}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return table
}
