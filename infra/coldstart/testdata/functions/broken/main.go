// Broken says why it does not start.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintf(os.Stderr, "%s: set NO_SUCH_VARIABLE\n", os.Getenv("DIALTONE_TABLE"))
	os.Exit(1)
}
