package ucwa_test

import (
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"testing"

	"dialtone/shared/ucwa"
)

// voice is a pool whose user has the call forwarding of a recorded document,
// in one format and dialect. It takes every change and changes nothing.
type voice struct {
	*pool
	app     *ucwa.Application
	format  ucwa.Format
	dialect string

	lock    sync.Mutex
	answers map[string]http.HandlerFunc // by method and end of the path, before all else
	sent    []sent
}

// sent is a request below me, with what matters of it.
type sent struct{ call, body, contentType, ifMatch string }

const settingsETag = "c7a2b0d4-54a1-4d1e-8b5e-9c1f2e3d4a5b" // of the generated dialect, which has it in the header only

func newVoice(t *testing.T, cfg ucwa.Config, dialect string) *voice {
	t.Helper()
	v := &voice{pool: newPool(t), format: cfg.Format, dialect: dialect, answers: map[string]http.HandlerFunc{}}
	v.app = v.open(v.client(cfg))
	v.set(func(_ string, _ int, w http.ResponseWriter, r *http.Request) bool { return v.answer(w, r) })
	return v
}

func (v *voice) answer(w http.ResponseWriter, r *http.Request) bool {
	body, _ := io.ReadAll(r.Body)
	call := r.Method + " " + path.Base(r.URL.Path)
	v.lock.Lock()
	v.sent = append(v.sent, sent{call, string(body), r.Header.Get("Content-Type"), r.Header.Get("If-Match")})
	scripted := v.answers[call]
	v.lock.Unlock()
	switch {
	case scripted != nil:
		scripted(w, r)
	case call == "GET callForwardingSettings":
		v.settings(w)
	case call == "GET 282":
		v.write(w, r, 200, doc{rel: "contact", href: r.URL.Path, props: []prop{{"name", "Mobile"}, {"type", "Phone"}, {"uri", " tel:+49 40 123456 "}}})
	case r.Method == http.MethodPost:
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut:
		w.WriteHeader(http.StatusOK)
	default:
		return false
	}
	return true
}

func (v *voice) settings(w http.ResponseWriter) {
	contentType, name := "application/json; charset=utf-8", v.dialect+".json"
	if v.format == ucwa.XML {
		contentType, name = "application/xml; charset=utf-8", v.dialect+".xml"
	}
	body, err := os.ReadFile("testdata/callforwarding/" + name)
	if err != nil {
		v.t.Error(err)
	}
	if v.dialect == "generated" {
		w.Header()["ETag"] = []string{settingsETag} // bare, as its samples have it
	}
	text(200, contentType, string(body))(w, nil)
}

// on scripts the answer of a call, such as "PUT callForwardingSettings".
func (v *voice) on(call string, answer http.HandlerFunc) {
	v.lock.Lock()
	defer v.lock.Unlock()
	v.answers[call] = answer
}

// requests returns what was sent since the last time.
func (v *voice) requests() []sent {
	v.lock.Lock()
	defer v.lock.Unlock()
	all := v.sent
	v.sent = nil
	return all
}

// read reads call forwarding, which is not counted as sent.
func (v *voice) read() ucwa.CallForwarding {
	v.t.Helper()
	cf, err := v.app.CallForwarding(v.t.Context())
	if err != nil {
		v.t.Fatalf("CallForwarding: %v", err)
	}
	v.requests()
	return cf
}

// eachVoice runs a test in both formats and dialects.
func eachVoice(t *testing.T, test func(t *testing.T, v *voice)) {
	for _, dialect := range []string{"captured", "generated"} {
		for format, name := range []string{ucwa.JSON: "JSON", ucwa.XML: "XML"} {
			t.Run(dialect+" "+name, func(t *testing.T) {
				t.Parallel()
				test(t, newVoice(t, ucwa.Config{Format: ucwa.Format(format)}, dialect))
			})
		}
	}
}

// inXML wraps what a POST sends.
func inXML(properties string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<input xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa">` + properties + `</input>`
}

// without returns the recorded settings with a text replaced, as a handler.
func (v *voice) without(old, replacement string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body, err := os.ReadFile("testdata/callforwarding/" + v.dialect + ".json")
		if err != nil || !strings.Contains(string(body), old) {
			v.t.Errorf("no %q in the recorded settings: %v", old, err)
		}
		text(200, "application/json", strings.ReplaceAll(string(body), old, replacement))(w, nil)
	}
}
