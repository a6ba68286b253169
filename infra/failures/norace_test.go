//go:build !race

package failures_test

const raced = false
