package webex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dialtone/shared/e164"
	"dialtone/shared/failure"
)

// listing is one question to Webex that is answered in pages of phoneNumbers.
type listing struct {
	operation   string // as in Error.Operation
	path        string // below the base URL
	orgID       string
	locationID  string
	licenseType LicenseType
	numbers     []e164.Number
	max, start  int
}

// check reports every bad option at once, as an *Error of class invalid.
func (l listing) check() error {
	var problems []error
	report := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	report(len(l.orgID) > longestID, "orgId has %d characters, at most %d are allowed", len(l.orgID), longestID)
	report(len(l.locationID) > longestID, "locationId has %d characters, at most %d are allowed", len(l.locationID), longestID)
	report(l.licenseType != "" && !l.licenseType.known(), "licenseType must be %q or %q", Professional, Standard)
	report(l.max < 0, "max %d is negative", l.max)
	report(l.start < 0 || l.start > math.MaxInt32, "start %d is not an offset", l.start)
	for i, n := range l.numbers {
		if _, err := e164.Parse(string(n)); err != nil {
			problems = append(problems, fmt.Errorf("phoneNumber %d %w", i+1, err))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &Error{Operation: l.operation, Class: failure.Invalid, Message: "bad options", Err: errors.Join(problems...)}
}

// filters returns the parameters that every page needs. Several numbers are one
// comma-joined value.
func (l listing) filters() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"orgId": l.orgID, "locationId": l.locationID, "licenseType": string(l.licenseType), "phoneNumber": joined(l.numbers),
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

func joined(numbers []e164.Number) string {
	parts := make([]string, len(numbers))
	for i, n := range numbers {
		parts[i] = string(n)
	}
	return strings.Join(parts, ",")
}

// page is one page of items.
type page[T any] struct {
	items      []T
	start      int
	trackingID string
	unreadable int // entries left out
}

// convert makes an item of a wire entry. ok is false for an entry that can't be
// used. The number identifies the entry; an entry without one is never a repeat.
type convert[W, T any] func(W) (item T, number e164.Number, ok bool)

// scan fetches the pages of a listing one by one, each when it is asked for, and
// leaves out what an earlier page had: offsets shift while numbers are taken.
// An error ends it.
func scan[W, T any](ctx context.Context, c *Client, l listing, conv convert[W, T]) iter.Seq2[page[T], error] {
	return func(yield func(page[T], error) bool) {
		if err := l.check(); err != nil {
			yield(page[T]{}, err)
			return
		}
		cur := newCursor(c.base.JoinPath(l.path), l.filters(), c.pages.cap(l.operation, l.max), l.start)
		cur.halved = cur.max != l.max
		var seen map[e164.Number]bool // of the size of the first page, which is mostly the only one
		for {
			ans, err := c.fetch(ctx, l.operation, cur)
			if err != nil {
				yield(page[T]{}, err)
				return
			}
			entries, bad, err := decodePage[W](ans.body)
			if err != nil {
				yield(page[T]{}, unreadableAnswer(l.operation, ans, err))
				return
			}
			if seen == nil {
				seen = make(map[e164.Number]bool, len(entries))
			}
			p := fresh(entries, conv, seen)
			p.start, p.trackingID, p.unreadable = cur.start, ans.trackingID, p.unreadable+bad
			c.report(ctx, l.operation, p.unreadable, ans.trackingID)
			if !yield(p, nil) || !c.goOn(ctx, cur, ans.header, len(entries)+bad, len(p.items)) {
				return
			}
		}
	}
}

// fetch gets the page the cursor stands at, in smaller pages if it must.
func (c *Client) fetch(ctx context.Context, operation string, cur *cursor) (*answer, error) {
	for {
		ans, err := c.get(ctx, operation, cur.url)
		if e, ok := errors.AsType[*Error](err); ok && e.Remedy == HalvePage && cur.halve() {
			c.pages.learn(operation, cur.max)
			c.log.WarnContext(ctx, "webex: page took too long, asking for a smaller one",
				"operation", operation, "max", cur.max, "tracking_id", e.TrackingID)
			continue
		}
		return ans, err
	}
}

func (c *Client) goOn(ctx context.Context, cur *cursor, h http.Header, got, fresh int) bool {
	more := cur.advance(h, got, fresh)
	if _, linked := nextLink(h); more && linked && cur.guessed {
		c.log.WarnContext(ctx, "webex: next link does not lead to the configured host, going on by offset", "start", cur.start)
	}
	if len(cur.visited) >= maxPages {
		c.log.WarnContext(ctx, "webex: listing ended after "+strconv.Itoa(maxPages)+" pages")
	}
	return more
}

func (c *Client) report(ctx context.Context, operation string, unreadable int, trackingID string) {
	if unreadable > 0 {
		c.log.WarnContext(ctx, "webex: entries left out that are not understood",
			"operation", operation, "count", unreadable, "tracking_id", trackingID)
	}
}

// fresh converts entries and keeps those with a number not seen before.
func fresh[W, T any](entries []W, conv convert[W, T], seen map[e164.Number]bool) page[T] {
	p := page[T]{items: make([]T, 0, len(entries))}
	for _, e := range entries {
		item, number, ok := conv(e)
		switch {
		case !ok:
			p.unreadable++
		case number == "" || !seen[number]:
			seen[number] = true
			p.items = append(p.items, item)
		}
	}
	return p
}

// decodePage reads the phoneNumbers of a body. Entries that are not of W's shape
// are counted and left out; one odd entry must not hide a whole location. A body
// without the array is an error, since it would read as "nothing is free".
func decodePage[W any](body []byte) (entries []W, bad int, err error) {
	body = trimBOM(body)
	var typed struct{ PhoneNumbers []W }
	typed.PhoneNumbers = make([]W, 0, len(body)/entrySize)
	err = json.Unmarshal(body, &typed)
	if _, odd := errors.AsType[*json.UnmarshalTypeError](err); odd {
		return decodeEntries[W](body)
	}
	if err != nil {
		return nil, 0, err
	}
	if len(typed.PhoneNumbers) == 0 {
		return nil, 0, requirePhoneNumbers(body)
	}
	return typed.PhoneNumbers, 0, nil
}

// entrySize is about how many bytes an entry has; room for that many is made
// beforehand, since a slice that grows to a page is copied ten times.
const entrySize = 120

// requirePhoneNumbers fails unless the body has the array, be it empty.
func requirePhoneNumbers(body []byte) error {
	var raw struct{ PhoneNumbers *json.RawMessage }
	if err := json.Unmarshal(body, &raw); err != nil || raw.PhoneNumbers != nil {
		return err
	}
	return errors.New("phoneNumbers is missing")
}

func decodeEntries[W any](body []byte) (entries []W, bad int, err error) {
	var raw struct{ PhoneNumbers []json.RawMessage }
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, 0, err
	}
	for _, r := range raw.PhoneNumbers {
		var e W
		if json.Unmarshal(r, &e) != nil {
			bad++
			continue
		}
		entries = append(entries, e)
	}
	return slices.Clip(entries), bad, nil
}

// unreadableAnswer is the error of a 200 that is not a page.
func unreadableAnswer(operation string, ans *answer, cause error) *Error {
	return &Error{
		Operation: operation, Method: http.MethodGet, URL: ans.url, Status: http.StatusOK,
		Message: "the answer is not a page of phone numbers: " + parseErrorBody(ans.body).message, TrackingID: ans.trackingID,
		Class: failure.Unavailable, Remedy: Retry, Err: cause,
	}
}
