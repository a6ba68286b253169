package simkit

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"
)

// bodyBuffer is how much of a request body is read before the handler runs.
// Reading it is what lets the server notice a caller that hangs up.
const bodyBuffer = 1 << 20

// Middleware runs every request through the script before and after next. The
// answer of next is held back until it is complete, so next cannot stream; in
// return a request is in the history before its caller can have seen the answer.
func (s *Script) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{script: s, next: next, w: w, r: r}
		x.arrive()
		x.serve()
	})
}

// exchange is one request on its way through the script.
type exchange struct {
	script *Script
	next   http.Handler
	w      http.ResponseWriter
	r      *http.Request
	rec    *Request
	wait   time.Duration
	fault  Fault           // zero when none acts
	gone   <-chan struct{} // closed when the fault is removed; nil when none acts
	answer *answer         // of next; nil until it has run
}

func (x *exchange) arrive() {
	x.rec = &Request{At: time.Now(), Method: x.r.Method, Path: x.r.URL.RequestURI()}
	head, err := io.ReadAll(io.LimitReader(x.r.Body, bodyBuffer))
	rest := io.Reader(x.r.Body)
	if err != nil {
		rest = failing{err}
	}
	x.r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), rest), x.r.Body}
	x.rec.Operation, x.rec.User = x.script.config.Identify(x.r)
	wait, a := x.script.begin(x.rec)
	x.wait = wait
	if a != nil {
		x.fault, x.gone = a.Fault, a.gone
	}
}

func (x *exchange) serve() {
	f := x.fault
	x.sleep(x.wait)
	if !f.late() {
		x.sleep(time.Duration(f.Latency))
	}
	if f.applies() {
		x.apply()
	}
	if f.late() {
		x.sleep(time.Duration(f.Latency))
	}
	switch {
	case f.Hang:
		x.hang()
	case f.ResetBefore || f.ResetAfter:
		x.reset()
	case f.replaces():
		x.replace()
		fallthrough
	default:
		x.send()
	}
}

// sleep waits, unless the caller gives up first: then the exchange ends there.
func (x *exchange) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.r.Context().Done():
		x.drop()
	}
}

// drop ends the exchange without an answer. It does not return.
func (x *exchange) drop() {
	x.script.finish(x.rec, 0)
	panic(http.ErrAbortHandler)
}

func (x *exchange) apply() {
	x.answer = &answer{header: http.Header{}}
	x.next.ServeHTTP(x.answer, x.r)
	if x.answer.code() < http.StatusBadRequest {
		x.script.applied(x.rec)
	}
}

func (x *exchange) hang() {
	select {
	case <-x.gone:
	case <-x.r.Context().Done():
	}
	x.drop()
}

// reset closes the connection so that the caller sees a TCP reset. Where there
// is no such connection (HTTP/2, a recorder) the stream is aborted.
func (x *exchange) reset() {
	x.script.finish(x.rec, 0)
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	raw := conn
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		raw = wrapped.NetConn() // below TLS
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a close that follows then sends RST; nothing to do if it cannot
	}
	_ = raw.Close()
}

// replace puts the fault's answer in the place of the simulator's.
func (x *exchange) replace() {
	x.answer = &answer{header: http.Header{}}
	f := x.fault
	switch {
	case f.HTML:
		writeHTML(x.answer, f.status())
	case f.Body != "":
		x.answer.WriteHeader(f.status())
		_, _ = io.WriteString(x.answer, f.Body)
	case x.script.config.Refuse != nil:
		x.script.config.Refuse(x.answer, x.r, f)
	default:
		WriteJSON(x.answer, f.Status, map[string]string{"code": f.Code, "subcode": f.Subcode})
	}
}

func (x *exchange) send() {
	a := x.answer
	for k, v := range x.fault.Header {
		a.header.Set(k, v)
	}
	body, cut := a.body.Bytes(), false
	if n := x.fault.Truncate; n != 0 && max(n, 0) < len(body) {
		a.header.Set("Content-Length", strconv.Itoa(len(body)))
		body, cut = body[:max(n, 0)], true
	}
	x.script.finish(x.rec, a.code())
	maps.Copy(x.w.Header(), a.header)
	x.w.WriteHeader(a.code())
	_, _ = x.w.Write(body) // a caller that has gone is its own affair
	if cut {
		_ = http.NewResponseController(x.w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// answer holds a response until it is sent, cut, replaced or thrown away.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

func (a *answer) code() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}

// failing hands the error of an interrupted request body to the handler.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// WriteJSON answers with v as indented JSON. It is also for the routes a simulator
// adds to the control API.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the values are ours and always encode; a lost caller is no concern
}

func writeHTML(w http.ResponseWriter, status int) {
	text := http.StatusText(status)
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!DOCTYPE html>\r\n<html><head><title>"+strconv.Itoa(status)+" - "+text+
		"</title></head>\r\n<body><h2>"+strconv.Itoa(status)+" - "+text+"</h2>\r\n"+
		"<h3>The request could not be served.</h3></body></html>\r\n")
}
