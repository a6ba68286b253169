//go:build race

package failures_test

// raced leaves out what comes one time, but for the calls that a user can see:
// the detector makes the queue's file ten times as slow.
const raced = true
