package ucwa

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// resource is one UCWA document or a part of one, the same from JSON and XML.
// Typed views such as Phone and Me are read from it; what they do not know
// stays in it, because a PUT must send every property back
// (UCWA 2.0: Payload Format).
//
// A property is a string, bool, json.Number, []any, map[string]any or nil in
// JSON, and a string or []any of strings in XML.
type resource struct {
	rel      string
	props    map[string]any
	links    map[string][]link
	embedded map[string][]*resource
	senders  []sender // of an answer of the event channel
	base     *url.URL // what the document answered; hrefs are relative to it
	etag     string   // from the ETag header of the answer, unquoted
}

// link is a reference to another resource, as the server wrote it.
type link struct {
	href  string
	title string
}

func newResource() *resource {
	return &resource{props: map[string]any{}, links: map[string][]link{}, embedded: map[string][]*resource{}}
}

// text returns a property without the stray blanks of the generated dialect;
// empty when it is absent.
func (r *resource) text(name string) string {
	switch v := r.props[name].(type) {
	case string:
		return strings.TrimSpace(v)
	case bool:
		return fmt.Sprint(v)
	case json.Number:
		return v.String()
	}
	return ""
}

// boolean reads true/false and True/False; absent or else is false.
func (r *resource) boolean(name string) bool { return strings.EqualFold(r.text(name), "true") }

// list returns the strings of a list property, or a lone string as a list.
func (r *resource) list(name string) []string {
	if s := r.text(name); s != "" {
		return []string{s}
	}
	items, _ := r.props[name].([]any)
	var out []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, strings.TrimSpace(s))
		}
	}
	return out
}

// version returns the entity tag, bare, from the body or else the header.
func (r *resource) version() string {
	if s := bareETag(r.text("etag")); s != "" {
		return s
	}
	return r.etag
}

// bareETag strips the quotes and the weakness mark of an entity tag.
func bareETag(s string) string {
	return strings.Trim(strings.TrimPrefix(strings.TrimSpace(s), "W/"), `"`)
}

// only returns the first embedded resource of that rel, or nil.
func (r *resource) only(rel string) *resource {
	if all := r.embedded[rel]; len(all) > 0 {
		return all[0]
	}
	return nil
}

// target returns where the first link of that rel leads. A missing link is
// (nil, nil): it is an answer, not a fault.
func (r *resource) target(rel string) (*url.URL, error) {
	all := r.links[rel]
	if len(all) == 0 {
		return nil, nil
	}
	u, err := resolve(r.base, all[0].href)
	if err != nil {
		return nil, fmt.Errorf("link %s: %w", rel, err)
	}
	return u, nil
}

// settle records which URL answered, for this document and all its parts.
func (r *resource) settle(base *url.URL) {
	r.base = base
	for _, group := range r.embedded {
		for _, part := range group {
			part.settle(base)
		}
	}
}

// resolve makes an href absolute against the URL that answered. The server's
// query is kept. Anything but http and https is refused: UCWA also uses data:
// in an href, and user information never belongs there.
func resolve(base *url.URL, href string) (*url.URL, error) {
	ref, err := url.Parse(strings.TrimSpace(href))
	if err != nil {
		return nil, fmt.Errorf("href is not a URL: %w", ErrUntrusted)
	}
	u := base.ResolveReference(ref)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("href has scheme %q: %w", u.Scheme, ErrUntrusted)
	case u.Hostname() == "" || u.User != nil:
		return nil, fmt.Errorf("href has no plain host: %w", ErrUntrusted)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// authority is the host a URL stands for: lower case, default port left out.
// Tokens and challenges are kept by it.
func authority(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return host
	}
	return host + ":" + port
}
