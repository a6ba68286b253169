//go:build !prove

package changenumber_test

import (
	"flag"
	"os"
	"testing"
)

// deathStride is how many side effects lie between two deaths that are played.
const deathStride = 8

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "20"); err != nil { // -rapid.checks still overrides it
		panic(err)
	}
	os.Exit(m.Run())
}
