package ucwasim

import (
	"net/http"
	"strings"
)

// putReason is the value of the property that every PUT must carry (UCWA 2.0:
// Payload Format).
const putReason = "please pass this in a PUT request"

// addETag appends the version as captured traffic has it in the body too.
func (r *resource) addETag(d Dialect, version uint64) {
	if d == Captured {
		r.add("etag", d.etag(version))
	}
}

// addPut appends the property whose name is a random GUID and which a PUT of the
// resource must pass back. Generated samples lack it.
func (r *resource) addPut(d Dialect, version uint64) {
	if d == Captured {
		r.add(guid(mix(version, 2)), putReason)
	}
}

// answerVersion answers a GET with the ETag of the version, or 304 to a caller who
// has that version.
func (c *call) answerVersion(r *resource, version uint64) {
	d := c.server.config.Dialect
	etag := d.etag(version)
	c.w.Header().Set("ETag", d.etagHeader(etag))
	if matchesETag(c.r.Header.Values("If-None-Match"), etag) {
		c.w.WriteHeader(http.StatusNotModified)
		return
	}
	c.answer(http.StatusOK, r)
}

// matchesETag compares bare tags: clients send them with and without quotes.
func matchesETag(headers []string, etag string) bool {
	for _, h := range headers {
		for tag := range strings.SplitSeq(h, ",") {
			tag = strings.Trim(strings.TrimPrefix(strings.TrimSpace(tag), "W/"), `"`)
			if tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}

// readPut reads the body of a PUT, which must be the resource as it is now with
// all its properties and the edits of the caller, or answers why not (UCWA 2.0:
// HTTP, Payload Format).
func (c *call) readPut(r *resource, version uint64, read func(*form)) bool {
	bad := c.precondition(version)
	in := inputs{}
	if bad == nil {
		bad = in.addBody(c.r, "resource")
	}
	if bad == nil {
		f := &form{in: in}
		if f.complete(c.expected(r)); len(f.wrong) == 0 {
			read(f)
		}
		bad = f.failure()
	}
	if bad != nil {
		c.fail(bad)
	}
	return bad == nil
}

// precondition checks If-Match.
func (c *call) precondition(version uint64) *failure {
	tags := c.r.Header.Values("If-Match")
	switch {
	case strings.Trim(strings.Join(tags, ""), `" `) == "":
		return fail(http.StatusPreconditionRequired, "PreconditionRequired", "", "The If-Match header is required.")
	case !matchesETag(tags, c.server.config.Dialect.etag(version)):
		return fail(http.StatusPreconditionFailed, "PreconditionFailed", "", "The resource has changed since it was read.")
	}
	return nil
}

// expected are the names of the properties that the body of a PUT must have:
// those of the resource as read in the body's own format.
func (c *call) expected(r *resource) []string {
	var names []string
	for _, p := range r.properties {
		names = append(names, p.name)
	}
	if c.server.config.Dialect == Generated || !strings.Contains(c.r.Header.Get("Content-Type"), "xml") {
		names = append(names, "rel")
	}
	return names
}

// complete notes every property that was dropped.
func (f *form) complete(names []string) {
	for _, name := range names {
		if _, ok := f.in[strings.ToLower(name)]; !ok {
			f.invalid(name, "The property must be passed back as it was read.")
		}
	}
}
