package ucwa_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
)

// doc is a resource in neither format.
type doc struct {
	rel, href string
	single    bool // embedded as an object, not in an array
	props     []prop
	links     [][2]string
	embedded  []doc
}

type prop struct {
	name  string
	value any
}

func (p *pool) write(w http.ResponseWriter, r *http.Request, status int, d doc) {
	w.Header().Set("X-Ms-Server-Fqdn", "fe1.contoso.test")
	if strings.Contains(r.Header.Get("Accept"), "xml") {
		w.Header().Set("Content-Type", "application/xml; charset=utf-8")
		w.WriteHeader(status)
		var b strings.Builder
		d.xml(&b, ` xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"`, p.generated)
		_, _ = io.WriteString(w, `<?xml version="1.0" encoding="utf-8"?>`+b.String())
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(d.json(p.generated))
}

// json writes links as arrays in the generated dialect, and where there are several.
func (d doc) json(generated bool) map[string]any {
	out := map[string]any{"rel": d.rel}
	links := map[string]any{"self": map[string]string{"href": d.href}}
	for _, l := range d.links {
		var v any = map[string]string{"href": l[1], "revision": "2"}
		switch others := links[l[0]].(type) {
		case []any:
			v = append(others, v)
		case nil:
			if generated {
				v = []any{v}
			}
		default:
			v = []any{others, v}
		}
		links[l[0]] = v
	}
	out["_links"] = links
	for _, pr := range d.props {
		out[pr.name] = pr.value
	}
	embedded := map[string]any{}
	for _, e := range d.embedded {
		if list, _ := embedded[e.rel].([]any); !e.single {
			embedded[e.rel] = append(list, e.json(generated))
		} else {
			embedded[e.rel] = e.json(generated)
		}
	}
	if len(embedded) > 0 {
		out["_embedded"] = embedded
	}
	return out
}

// xml writes booleans as True and False in the generated dialect.
func (d doc) xml(b *strings.Builder, attrs string, generated bool) {
	fmt.Fprintf(b, `<resource rel=%q href="%s"%s>`, d.rel, escape(d.href), attrs)
	for _, l := range d.links {
		fmt.Fprintf(b, "\n  "+`<link rel=%q href="%s" />`, l[0], escape(l[1]))
	}
	for _, pr := range d.props {
		list, isList := pr.value.([]string)
		switch text := fmt.Sprint(pr.value); {
		case isList:
			fmt.Fprintf(b, `<propertyList name=%q><item>%s</item></propertyList>`, pr.name, strings.Join(list, "</item><item>"))
		case text == "":
			fmt.Fprintf(b, `<property name=%q/>`, pr.name)
		case generated && (text == "true" || text == "false"):
			fmt.Fprintf(b, `<property name=%q>%s</property>`, pr.name, strings.ToUpper(text[:1])+text[1:])
		default:
			fmt.Fprintf(b, `<property name=%q>%s</property>`, pr.name, escape(text))
		}
	}
	for _, e := range d.embedded {
		e.xml(b, "", generated)
	}
	b.WriteString("</resource>")
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

func readAll(r *http.Request) (string, error) {
	b, err := io.ReadAll(r.Body)
	return string(b), err
}

// trace returns what watches the connection of a request.
func trace(r *http.Request) *httptrace.ClientTrace { return httptrace.ContextClientTrace(r.Context()) }
