// Command install puts the emulators of AWS that the end-to-end tests need into
// build/emulators. It does nothing where they are already.
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
		err = emulators.Install(ctx, folder, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "install: error:", err)
		os.Exit(1)
	}
}
