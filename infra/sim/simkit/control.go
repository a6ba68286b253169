package simkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"time"
)

const controlBody = 1 << 20

// Control serves the script as JSON:
//
//	GET    /healthz          {"status": "ok"}
//	GET    /state            what the simulator holds; the query is the simulator's
//	GET    /faults           the script, with counters
//	POST   /faults           one fault or an array, appended: 201
//	DELETE /faults           all of them; /faults/{id or name}: one
//	GET    /requests         history and counts; ?operation= and ?user= narrow it
//	DELETE /requests         forget them
//	GET    /latency          {"min": "20ms", "max": "200ms"}
//	POST   /latency          the same, set
//
// Errors are {"problems": [{"field", "problem", "mend"}]}. It has no
// authentication: serve it where only tests and people who run them can reach it.
func (s *Script) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /state", s.getState)
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, s.Faults())
	})
	mux.HandleFunc("POST /faults", s.postFaults)
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, map[string]int{"removed": s.Clear()})
	})
	mux.HandleFunc("DELETE /faults/{id}", s.deleteFault)
	mux.HandleFunc("GET /requests", s.getRequests)
	mux.HandleFunc("DELETE /requests", func(w http.ResponseWriter, _ *http.Request) {
		s.Forget()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /latency", s.getLatency)
	mux.HandleFunc("POST /latency", s.postLatency)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		WriteProblems(w, http.StatusNotFound, Problem{
			"", r.Method + " " + r.URL.Path + " is not served here",
			"use GET /healthz, GET /state, GET|POST|DELETE /faults, DELETE /faults/{id}, GET|DELETE /requests, GET|POST /latency",
		})
	})
	return mux
}

// WriteProblems answers a control request with status and the given problems. It
// is for the routes a simulator adds to the control API.
func WriteProblems(w http.ResponseWriter, status int, problems ...Problem) {
	WriteJSON(w, status, Invalid{problems})
}

func (s *Script) getState(w http.ResponseWriter, r *http.Request) {
	var state any = struct{}{}
	if s.config.State != nil {
		state = s.config.State(r.URL.Query())
	}
	WriteJSON(w, http.StatusOK, state)
}

func (s *Script) postFaults(w http.ResponseWriter, r *http.Request) {
	faults, err := decodeFaults(io.LimitReader(r.Body, controlBody))
	if err != nil {
		WriteError(w, err)
		return
	}
	added, err := s.Add(faults...)
	if err != nil {
		WriteError(w, err)
		return
	}
	WriteJSON(w, http.StatusCreated, added)
}

func decodeFaults(r io.Reader) ([]Fault, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read faults: %w", err)
	}
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("[")) {
		var many []Fault
		return many, DecodeStrict(b, &many)
	}
	var one Fault
	if err := DecodeStrict(b, &one); err != nil {
		return nil, err
	}
	return []Fault{one}, nil
}

func (s *Script) deleteFault(w http.ResponseWriter, r *http.Request) {
	n := s.Remove(r.PathValue("id"))
	if n == 0 {
		WriteProblems(w, http.StatusNotFound, Problem{"id", "no fault has that ID or name", "GET /faults lists them"})
		return
	}
	WriteJSON(w, http.StatusOK, map[string]int{"removed": n})
}

func (s *Script) getRequests(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	WriteJSON(w, http.StatusOK, struct {
		Counts   map[string]int `json:"counts"`
		Requests []Request      `json:"requests"`
	}{s.Counts(), s.Requests(Filter{Operation: q.Get("operation"), User: q.Get("user")})})
}

// latency is the body of /latency.
type latency struct {
	Min Duration `json:"min"`
	Max Duration `json:"max"`
}

func (s *Script) getLatency(w http.ResponseWriter, _ *http.Request) {
	lowest, highest := s.Latency()
	WriteJSON(w, http.StatusOK, latency{Duration(lowest), Duration(highest)})
}

func (s *Script) postLatency(w http.ResponseWriter, r *http.Request) {
	var l latency
	b, err := io.ReadAll(io.LimitReader(r.Body, controlBody))
	if err == nil {
		err = DecodeStrict(b, &l)
	}
	if err == nil {
		err = s.SetLatency(time.Duration(l.Min), time.Duration(l.Max))
	}
	if err != nil {
		WriteError(w, err)
		return
	}
	WriteJSON(w, http.StatusOK, l)
}

// WriteError answers a control request with 400 and the problems of err.
func WriteError(w http.ResponseWriter, err error) {
	if invalid, ok := errors.AsType[*Invalid](err); ok {
		WriteProblems(w, http.StatusBadRequest, invalid.Problems...)
		return
	}
	WriteProblems(w, http.StatusBadRequest, Problem{"", err.Error(), "send one JSON object"})
}

// unknownField is how encoding/json reports a field that the target lacks.
var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

// DecodeStrict decodes one JSON value into v and returns an *Invalid that names
// the field for unknown fields, wrong types and trailing data.
func DecodeStrict(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, trailing := dec.Token(); trailing == io.EOF {
			return nil
		}
		err = errors.New("more than one JSON value")
	}
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		return &Invalid{[]Problem{{m[1], "is not a field here", "check the spelling; names are camelCase"}}}
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return &Invalid{[]Problem{{t.Field, "cannot be " + t.Value, mend(t.Type)}}}
	}
	return &Invalid{[]Problem{{"", err.Error(), "send one JSON object with the fields of the README"}}}
}

func mend(t reflect.Type) string {
	if t == reflect.TypeFor[Duration]() {
		return `use a string such as "150ms"`
	}
	return "use a JSON " + t.Kind().String()
}
