//go:build !prove

package local_test

import "time"

// commands is how many the test with an outage sends, pollers how many of them a
// process works on at a time.
const (
	commands, pollers = 42, 2

	outageBegins, outageLasts, commandsLast = 60 * time.Second, 4 * time.Minute, 420 * time.Second
)
