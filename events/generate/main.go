// Command generate writes events/asyncapi.yaml and infra/docs/messages.md anew,
// from the schemas and samples: go generate ./events/generate.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"dialtone/events/asyncapi"
	"dialtone/events/reference"
)

//go:generate go run .

func main() {
	if err := run(filepath.Join("..", "..")); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// run writes into the tree with the given root folder.
func run(root string) error {
	for name, build := range map[string]func() ([]byte, error){
		filepath.Join("events", asyncapi.File): asyncapi.Build,
		filepath.FromSlash(reference.File):     reference.Build,
	} {
		content, err := build()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
