//go:build e2e

package emulators_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dialtone/infra/emulators"
)

// holder names the variable that makes TestHolder start the emulator it names
// and wait to be killed.
const holder = "EMULATORS_TEST_HOLDER"

func starters() map[string]func(emulators.Options) (*emulators.Server, error) {
	return map[string]func(emulators.Options) (*emulators.Server, error){
		"dynalite": emulators.StartDynalite,
		"moto":     emulators.StartMoto,
	}
}

func TestHolder(t *testing.T) {
	name := os.Getenv(holder)
	if name == "" {
		t.Skip("the process that TestDiesWithItsStarter kills")
	}
	s, err := starters()[name](emulators.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(s.URL())
	select {}
}

// An emulator ends when the process that started it was killed.
func TestDiesWithItsStarter(t *testing.T) {
	for name := range starters() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHolder$")
			cmd.Env = append(os.Environ(), holder+"="+name)
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			conn, err := net.Dial("tcp", strings.TrimPrefix(strings.TrimSpace(line), "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // says that it was killed
			if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("it still holds the connection")
			}
		})
	}
}
