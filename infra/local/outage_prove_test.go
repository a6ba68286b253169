//go:build prove

package local_test

import "time"

// commands is how many the test with an outage sends, pollers how many of them a
// process works on at a time.
const (
	commands, pollers = 1000, 4

	outageBegins, outageLasts, commandsLast = 200 * time.Second, 10 * time.Minute, 1000 * time.Second
)
