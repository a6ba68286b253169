//go:build unix

package lambdahost_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"dialtone/infra/local/lambdahost"
)

// roleVar tells the test binary which bootstrap it is to be.
const roleVar = "LAMBDAHOST_ROLE"

// TestMain lets the test binary be a function's bootstrap, and the host of one.
func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVar); role {
	case "":
		os.Exit(m.Run())
	case "function":
		lambda.Start(serve)
	case "guest":
		beGuest()
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		lambda.Start(serve)
	case "init exits":
		fmt.Fprintln(os.Stderr, "WEBEX_SECRET_ID is missing: set it\nand more")
		os.Exit(7)
	case "init reports":
		fmt.Println("first line")
		post("/runtime/init/error", `{"errorType":"Config.Bad","errorMessage":"no table"}`)
		post("/runtime/init/error", `{"errorType":"Config.Bad","errorMessage":"twice"}`)
		os.Exit(1)
	case "init hangs":
		fmt.Println("still here")
		select {}
	case "rude":
		beRude()
	case "host":
		beHost()
	case "child":
		conn, err := net.Dial("tcp", os.Getenv("LIFELINE"))
		if err == nil {
			_, err = io.Copy(io.Discard, conn)
		}
		log.Fatal(err)
	default:
		log.Fatalf("no role %q", role)
	}
}

// order is what a test wants the function to do.
type order struct {
	Do   string
	Text string `json:",omitempty"`
	N    int    `json:",omitempty"`
}

// account is what the function says of itself.
type account struct {
	PID      int
	ID       string
	ARN      string
	Trace    string
	Custom   map[string]string
	Identity string
	Deadline int64 // Unix milliseconds
	Env      []string
	Dir      string
}

func serve(ctx context.Context, o order) (any, error) {
	switch o.Do {
	case "account":
		return accountOf(ctx), nil
	case "meet":
		return os.Getpid(), get(o.Text)
	case "hang":
		<-ctx.Done()
		select {}
	case "fail":
		return nil, errors.New(o.Text)
	case "panic":
		panic(o.Text)
	case "panic aside":
		go panic(o.Text)
		select {}
	case "exit":
		os.Exit(o.N)
	case "large":
		return plain{io.LimitReader(endless{}, int64(o.N))}, nil
	case "raw":
		return plain{strings.NewReader(o.Text)}, nil
	case "break off":
		return plain{io.MultiReader(strings.NewReader("half an ans"), broken{})}, nil
	case "bloat":
		hoard := bytes.Repeat([]byte("7"), o.N<<20)
		_ = get(o.Text) // holds on to it
		runtime.KeepAlive(hoard)
	case "args":
		return os.Args[1:], nil
	case "print":
		fmt.Print(o.Text)
	case "beget":
		child := exec.Command(os.Args[0])
		child.Env = []string{roleVar + "=child", "LIFELINE=" + o.Text}
		child.Stdout, child.Stderr = os.Stdout, os.Stderr // held open after the parent
		return os.Getpid(), child.Start()
	case "outlive":
		conn, err := net.Dial("tcp", o.Text)
		if err == nil {
			go func() { _, _ = io.Copy(conn, conn) }()
		}
		return os.Getpid(), err
	}
	return os.Getpid(), nil
}

func accountOf(ctx context.Context) account {
	a := account{PID: os.Getpid(), Env: os.Environ(), Trace: os.Getenv("_X_AMZN_TRACE_ID")}
	a.Dir, _ = os.Getwd()
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		a.ID, a.ARN = lc.AwsRequestID, lc.InvokedFunctionArn
		a.Custom, a.Identity = lc.ClientContext.Custom, lc.Identity.CognitoIdentityID
	}
	if d, ok := ctx.Deadline(); ok {
		a.Deadline = d.UnixMilli()
	}
	return a
}

// get asks a URL for leave to go on.
func get(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// plain is an answer that is passed on as it is: it has no field that could be
// encoded.
type plain struct{ of io.Reader }

func (p plain) Read(b []byte) (int, error) { return p.of.Read(b) }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("7"), len(p))), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

// api is the URL of the Runtime API.
func api() string { return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01" }

// post returns the status and the error type of the answer.
func post(path, body string) string {
	resp, err := http.Post(api()+path, "application/json", strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	return verdict(resp)
}

func verdict(resp *http.Response) string {
	defer func() { _ = resp.Body.Close() }()
	var said struct{ ErrorType string }
	_ = json.NewDecoder(resp.Body).Decode(&said)
	return strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", said.ErrorType))
}

// beRude does what no runtime should, and answers with what it was told.
func beRude() {
	for {
		resp, err := http.Get(api() + "/runtime/invocation/next")
		if err != nil {
			log.Fatal(err)
		}
		var o order
		err = json.NewDecoder(resp.Body).Decode(&o)
		_ = resp.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		own := "/runtime/invocation/" + resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
		switch o.Do {
		case "error":
			post(own+"/error", o.Text)
		case "answer":
			post(own+"/response", o.Text)
		case "answer and leave":
			post(own+"/response", o.Text)
			os.Exit(9)
		case "answer and hang":
			post(own+"/response", o.Text)
			select {}
		default:
			breakRules(own)
		}
	}
}

// breakRules answers with the refusals that it met.
func breakRules(own string) {
	told := []string{
		nextTwice(),
		post("/runtime/invocation/unheard-of/response", "{}"),
		post("/runtime/init/error", "{}"),
		post("/runtime/exit", "{}"),
	}
	first := post(own+"/response", string(must(told)))
	if again := post(own+"/error", "{}"); first != "202" || again != "403 InvalidStateTransition" {
		log.Fatalf("first answer %s, second %s", first, again)
	}
}

func nextTwice() string {
	resp, err := http.Get(api() + "/runtime/invocation/next")
	if err != nil {
		return err.Error()
	}
	return verdict(resp)
}

// beGuest serves with the loop of this package instead of Lambda's.
func beGuest() {
	err := lambdahost.Serve(context.Background(), os.Getenv("AWS_LAMBDA_RUNTIME_API"), func(ctx context.Context, event []byte) ([]byte, error) {
		var o order
		if err := json.Unmarshal(event, &o); err != nil {
			return nil, err
		}
		said, err := serve(ctx, o)
		if err != nil {
			return nil, err
		}
		if raw, ok := said.(plain); ok {
			return io.ReadAll(raw)
		}
		return json.Marshal(said)
	})
	log.Fatal(err)
}

// beHost runs two functions, one of which works while the other rests frozen,
// says so, and waits to be killed.
func beHost() {
	h, err := lambdahost.New(lambdahost.Config{
		Binary: os.Args[0], Env: map[string]string{roleVar: "function"}, MaxConcurrency: 2, Freeze: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { _, _ = h.Invoke(context.Background(), must(order{Do: "meet", Text: os.Getenv("MEETING")})) }()
	if _, err := h.Invoke(context.Background(), must(order{Do: "outlive", Text: os.Getenv("LIFELINE")})); err != nil {
		log.Fatal(err)
	}
	fmt.Println("frozen")
	select {}
}

func must(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}
