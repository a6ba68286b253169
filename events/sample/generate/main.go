// Command generate writes the files of the onboarding play into the current
// folder: go generate ./events/sample.
package main

import (
	"fmt"
	"os"

	"dialtone/events/sample/onboarding"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run() error {
	files, err := onboarding.Build()
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
