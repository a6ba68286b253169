//go:build prove

package local_test

// commands is how many the test with an outage sends.
const commands = 1000
