package awsenv_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"dialtone/shared/awsenv"
)

// A network that swallows everything, such as a subnet without a way to AWS, ends
// each attempt as an error that says so: no connection, not a time that ran out.
func TestNoWayToAWS(t *testing.T) {
	t.Parallel()
	config := awsenv.Read(reader(map[string]string{"AWS_REGION": "eu-central-1"})).DynamoDB()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+swallowing(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	resp, err := config.HTTPClient.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	if call, ok := errors.AsType[*net.OpError](err); !ok || call.Op != "dial" || time.Since(began) > 4*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

// swallowing returns an address that answers no attempt to connect: that of a
// listener whose queue is full, which nobody empties.
func swallowing(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
	for range 8 {
		conn, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("the queue of a listener is never full")
	return ""
}
