// Package sample holds messages as they look in practice: a folder for each
// message type and one for dead letters, and the new hires of `make run` in
// onboarding.jsonl with the two files beside it that package onboarding
// describes.
package sample

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

//go:generate go run ./generate

//go:embed */*.json onboarding.*
var files embed.FS

// DeadLetter is the folder of dead letters. Their samples are objects with the
// message attributes and the body, as text.
const DeadLetter = "deadletter"

// Sample is one message.
type Sample struct {
	Name string // of the file, without .json
	Body []byte // the caller's own
}

// Files returns all sample files, read-only.
func Files() fs.FS { return files }

// Of returns the samples of a message type, or of [DeadLetter], in the order of
// their names; none when the type is unknown.
func Of(typ string) []Sample {
	names, _ := fs.Glob(files, path.Join(typ, "*.json")) // the pattern has no syntax to get wrong
	samples := make([]Sample, 0, len(names))
	for _, name := range names {
		body, err := files.ReadFile(name)
		if err != nil {
			continue // listed a moment ago in a file system that never changes
		}
		samples = append(samples, Sample{strings.TrimSuffix(path.Base(name), ".json"), body})
	}
	return samples
}
