//go:build prove

package schedulerefresh_test

import (
	"testing"
	"testing/synctest"
)

// TestHundredThousand is TestDay at the size of a large deployment: 8 hours of
// 100,000 users at the default rate, some 7 million contacts.
func TestHundredThousand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { day(t, newModel(), site{100_000, 500, 8}) })
}
