// Package schema holds the JSON Schemas (2020-12) of every message that
// dialtone reads or writes, one file per message type, for any language.
//
// The package has the bytes alone; [dialtone/events/schema/validate] judges
// messages by them.
package schema

import (
	"embed"
	"io/fs"
)

//go:embed *.json
var files embed.FS

// Files that are no message of their own.
const (
	Envelope   = "cloudevents.json" // the CloudEvents envelope of all messages
	Published  = "event.json"       // the envelope of what dialtone publishes, on top of Envelope
	Parts      = "parts.json"       // values and objects that several messages share, in its $defs
	DeadLetter = "deadletter.json"  // the message attributes of a dead letter
)

// Files returns the schema files, read-only: <message type>.json beside
// [Envelope], [Published], [Parts] and [DeadLetter]. They refer to each other
// by relative $ref.
func Files() fs.FS { return files }

// Commands returns the types of the messages that dialtone reads.
func Commands() []string {
	return []string{
		"dialtone.number.assign.v1",
		"dialtone.number.release.v1",
		"dialtone.simring.enable.v1",
		"dialtone.simring.disable.v1",
		"dialtone.contacts.subscribe.v1",
		"dialtone.contacts.unsubscribe.v1",
		"dialtone.contacts.refresh.v1",
	}
}

// Outcomes returns the types of the messages with which dialtone answers a
// request.
func Outcomes() []string {
	return []string{
		"dialtone.number.assigned.v1",
		"dialtone.number.released.v1",
		"dialtone.simring.enabled.v1",
		"dialtone.simring.disabled.v1",
		"dialtone.contacts.subscribed.v1",
		"dialtone.contacts.unsubscribed.v1",
		"dialtone.contacts.refreshed.v1",
		"dialtone.request.failed.v1",
	}
}

// Notices returns the types of the messages that dialtone publishes without
// having been asked.
func Notices() []string {
	return []string{"dialtone.pool.low.v1", "dialtone.contacts.changed.v1"}
}
