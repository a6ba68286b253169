package sqlite_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets many tests run at once however few processors there are: they
// wait for the disk, and those that wait together share a commit.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "48"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
