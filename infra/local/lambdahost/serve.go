package lambdahost

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Handler is what a function does: an event as JSON in, an answer as JSON out.
// ctx carries the deadline of the invocation and a
// [lambdacontext.LambdaContext].
type Handler func(ctx context.Context, event []byte) (answer []byte, err error)

// Serve is the other side of the Runtime API: it makes this process a function.
// It asks for one invocation after the other at api (host:port, as the variable
// AWS_LAMBDA_RUNTIME_API has it) until ctx ends or the host is gone, and returns
// why. A panic of the handler is left to end the process, which fails the
// invocation.
//
// It is for a function inside a larger program, which should not become one of
// Lambda by importing its library; the functions on AWS use that library.
func Serve(ctx context.Context, api string, handle Handler) error {
	g := &guest{base: "http://" + api + version, handle: handle}
	for {
		if err := g.serve(ctx); err != nil {
			return fmt.Errorf("serve invocations: %w", err)
		}
	}
}

// guest is a function behind a Runtime API.
type guest struct {
	base   string
	handle Handler
	client http.Client // without a timeout: the next event may be long in coming
}

// serve handles one invocation.
func (g *guest) serve(ctx context.Context) error {
	head, event, err := g.next(ctx)
	if err != nil {
		return err
	}
	id := head.Get("Lambda-Runtime-Aws-Request-Id")
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID: id, InvokedFunctionArn: head.Get("Lambda-Runtime-Invoked-Function-Arn"),
	})
	if ms, err := strconv.ParseInt(head.Get("Lambda-Runtime-Deadline-Ms"), 10, 64); err == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, time.UnixMilli(ms))
		defer cancel()
	}
	answer, err := g.handle(ctx, event)
	path := "/invocation/" + id + "/response"
	if err != nil {
		path = "/invocation/" + id + "/error"
		answer, _ = json.Marshal(Error{Type: typeName(err), Message: err.Error()})
	}
	return g.post(context.WithoutCancel(ctx), path, answer) // a late answer is the host's to refuse
}

// typeName is the name that Lambda's library gives an error, which has neither
// package nor star.
func typeName(err error) string {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

func (g *guest) next(ctx context.Context) (http.Header, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.base+"/invocation/next", nil)
	if err != nil {
		return nil, nil, err
	}
	return g.do(r, http.StatusOK)
}

func (g *guest) post(ctx context.Context, path string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	_, _, err = g.do(r, http.StatusAccepted)
	return err
}

func (g *guest) do(r *http.Request, want int) (http.Header, []byte, error) {
	resp, err := g.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want && resp.StatusCode != http.StatusRequestEntityTooLarge {
		err = fmt.Errorf("%s %s: status %s", r.Method, r.URL.Path, resp.Status)
	}
	return resp.Header, body, err
}
