//go:build prove

package local_test

// hires is how many people the test with faults plays.
const hires = 500
