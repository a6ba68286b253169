package lambdahost

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// runtimeAPI is the Lambda Runtime API of one process, in the version
// 2018-06-01 ("Using the Lambda runtime API for custom runtimes"), on a port of
// its own, by which the process is known.
//
// Whoever runs the process gives it an invocation, waits until it asks for the
// next, and takes the answer. The states in between:
//
//	starting -> idle      it asked for work
//	idle     -> given     an invocation waits for it
//	given    -> busy      it has the invocation
//	busy     -> answered  it posted a response or an error
//	answered -> idle      it asked for work again: the invocation is over
type runtimeAPI struct {
	asked  chan struct{}    // filled by each change to idle
	failed chan *Error      // filled when the process says that it cannot start
	work   chan *invocation // filled by give
	arn    string

	server   *http.Server
	listener net.Listener

	mu      sync.Mutex
	state   state
	current *invocation
	answer  *answer // to current or, when idle, to the one before; nil for none
}

type state int

const (
	starting state = iota
	idle
	given
	busy
	answered
)

// invocation is one event on its way through the function.
type invocation struct {
	Invocation
	id       string
	deadline time.Time
}

// answer is what the function said: a body, which may be empty, or an error.
type answer struct {
	body []byte
	err  *Error
}

const version = "/2018-06-01/runtime"

// listen starts the API for functions that are invoked under arn.
func listen(arn string) (*runtimeAPI, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the function: %w", err)
	}
	a := &runtimeAPI{
		asked: make(chan struct{}, 1), failed: make(chan *Error, 1), work: make(chan *invocation, 1),
		arn: arn, listener: l,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+version+"/invocation/next", a.next)
	mux.HandleFunc("POST "+version+"/invocation/{id}/response", a.response)
	mux.HandleFunc("POST "+version+"/invocation/{id}/error", a.failure)
	mux.HandleFunc("POST "+version+"/init/error", a.initFailure)
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = a.server.Serve(l) }()
	return a, nil
}

// addr is where the API listens, as host:port.
func (a *runtimeAPI) addr() string { return a.listener.Addr().String() }

// close ends the API and what it has open.
func (a *runtimeAPI) close() { _ = a.server.Close() }

// give hands an invocation to the process, which must have asked for one.
func (a *runtimeAPI) give(inv *invocation) {
	a.mu.Lock()
	a.state, a.current, a.answer = given, inv, nil
	a.mu.Unlock()
	a.work <- inv
}

// said returns what the process answered to the last invocation given; nil if it
// did not.
func (a *runtimeAPI) said() *answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.answer
}

// request returns the id of the invocation that the process has; "" if none.
func (a *runtimeAPI) request() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current == nil {
		return ""
	}
	return a.current.id
}

// next answers with the next invocation as soon as there is one.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	if !a.ask() {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the last invocation is not answered yet")
		return
	}
	select {
	case <-r.Context().Done():
	case inv := <-a.work:
		if r.Context().Err() != nil {
			a.work <- inv // for the connection that replaces this one; the room is the one just made
			return
		}
		a.deliver(w, inv)
	}
}

// ask notes that the process wants work, and reports whether it may. It asks
// twice for the same when its connection was lost.
func (a *runtimeAPI) ask() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch a.state {
	case busy:
		return false
	case starting, answered:
		a.state, a.current = idle, nil
		a.asked <- struct{}{}
	}
	return true
}

func (a *runtimeAPI) deliver(w http.ResponseWriter, inv *invocation) {
	a.mu.Lock()
	a.state = busy
	a.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", a.arn)
	h.Set("Lambda-Runtime-Trace-Id", inv.TraceID)
	if len(inv.ClientContext) > 0 {
		h.Set("Lambda-Runtime-Client-Context", string(inv.ClientContext))
	}
	if len(inv.Identity) > 0 {
		h.Set("Lambda-Runtime-Cognito-Identity", string(inv.Identity))
	}
	_, _ = w.Write(inv.Payload) // a process that is gone by now is noticed by its end
}

// response takes the answer to an invocation. An answer that broke off in the
// middle has its error in the trailer.
func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	if !a.expects(w, r) {
		return
	}
	body, size, err := read(r)
	switch header := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); {
	case err != nil: // the process will end, or time out
	case size > MaxResponse:
		a.settle(answer{err: tooLarge(size)})
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", tooLarge(size).Message)
	case header != "":
		detail, _ := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		a.settle(answer{err: reported(detail, header)})
		accept(w)
	default:
		a.settle(answer{body: body})
		accept(w)
	}
}

// failure takes the error of an invocation.
func (a *runtimeAPI) failure(w http.ResponseWriter, r *http.Request) {
	if !a.expects(w, r) {
		return
	}
	body, _, err := read(r)
	if err != nil {
		return
	}
	a.settle(answer{err: reported(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))})
	accept(w)
}

// initFailure takes the reason why a process cannot start.
func (a *runtimeAPI) initFailure(w http.ResponseWriter, r *http.Request) {
	body, _, err := read(r)
	if err != nil {
		return
	}
	a.mu.Lock()
	fits := a.state == starting
	a.mu.Unlock()
	if !fits {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the function has started already")
		return
	}
	select {
	case a.failed <- reported(body, r.Header.Get("Lambda-Runtime-Function-Error-Type")):
	default: // it has said so before
	}
	accept(w)
}

// expects reports whether an answer to the invocation of the request's path is
// due, and refuses the request if not.
func (a *runtimeAPI) expects(w http.ResponseWriter, r *http.Request) bool {
	a.mu.Lock()
	known := a.current != nil && a.current.id == r.PathValue("id")
	due := known && a.state == busy
	a.mu.Unlock()
	switch {
	case !known:
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "no such invocation")
	case !due:
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the invocation is answered already")
	}
	return due
}

// settle notes the answer; the first one counts.
func (a *runtimeAPI) settle(said answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == busy {
		a.state, a.answer = answered, &said
	}
}

// read returns a body and its size; of a body over MaxResponse only the size
// counts. It is read to its end, so that the function hears the verdict.
func read(r *http.Request) (body []byte, size int64, err error) {
	body, err = io.ReadAll(io.LimitReader(r.Body, MaxResponse+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read answer: %w", err)
	}
	rest, err := io.Copy(io.Discard, r.Body)
	return body, int64(len(body)) + rest, err
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	body, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
