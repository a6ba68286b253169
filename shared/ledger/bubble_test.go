package ledger_test

import (
	"context"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// bubble runs fn in a time of its own and lets its panics out, in which rapid
// speaks. Rapid tells them apart by where they come from.
func bubble(t *testing.T, rt *rapid.T, fn func(context.Context)) {
	var panicked any
	synctest.Test(t, func(t *testing.T) {
		defer func() { panicked = recover() }()
		fn(t.Context())
	})
	switch {
	case panicked != nil && rt.Failed():
		panic(panicked) // a property does not hold
	case panicked != nil:
		panic(panicked) // these draws lead nowhere
	}
}
