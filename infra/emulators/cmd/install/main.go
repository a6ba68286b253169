// Command install puts emulators of AWS into build/emulators: all of them, or
// those that come from the registries named (npm, pip, maven). It does nothing
// where they are already.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"dialtone/infra/emulators"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	folder, err := emulators.Folder()
	if err == nil {
		err = emulators.Install(ctx, folder, os.Stderr, os.Args[1:]...)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "install: error:", err)
		os.Exit(1)
	}
}
