// Command generate writes infra/docs/failures.md anew, from the list in
// infra/failures: go generate ./infra/failures/generate.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"dialtone/infra/failures"
)

//go:generate go run .

func main() {
	path := filepath.Join("..", "..", "..", filepath.FromSlash(failures.File))
	if err := os.WriteFile(path, failures.Page(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}
