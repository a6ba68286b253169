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

// Envelope is the file of the CloudEvents envelope that all messages share.
const Envelope = "cloudevents.json"

// Files returns the schema files, read-only, as <message type>.json beside
// [Envelope]. They refer to each other by relative $ref.
func Files() fs.FS { return files }

// Commands returns the types of the messages that dialtone reads.
func Commands() []string { return []string{"dialtone.number.assign.v1"} }

// Outcomes returns the types of the messages that dialtone writes.
func Outcomes() []string {
	return []string{"dialtone.number.assigned.v1", "dialtone.request.failed.v1"}
}
