package sqsbatch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// DeadLetter is a discarded message on its way to the dead-letter queue.
type DeadLetter struct {
	Queue   string // ARN of the queue the message came from, not of its dead-letter queue
	Body    string // as it was received
	Group   string // MessageGroupId of the message; "" on a queue without groups
	DedupID string // deduplication id for a FIFO dead-letter queue: one for each receive of a message

	// Attributes are at most ten string message attributes, none empty, in
	// characters that SQS accepts.
	Attributes map[string]string
}

// Limits of SQS (Amazon SQS: message quotas, message attributes).
const (
	maxMessage       = 256 << 10 // bytes of body and attributes, names and types included
	maxAttributes    = 10
	maxAttributeName = 256
	minAttributes    = 4 << 10 // bytes that attributes get whatever the size of the body
	attributeType    = "String"
)

// known lists the attributes to keep when there are too many or too little room,
// dearest first: the request key and class are never shortened before the texts.
func known() []string {
	return []string{
		AttributeClass, AttributeRequestSource, AttributeRequestID, AttributeAttempts,
		AttributeReason, AttributeAdvice, AttributeUpstream,
	}
}

// deadLetter makes what is sent for a discarded message. The body is never cut;
// beside a body that leaves too little room the attributes still get 4 KiB, and
// a queue that refuses that keeps the message.
func deadLetter(m Message, v *verdict) DeadLetter {
	return DeadLetter{
		Queue: m.Queue, Body: m.Body, Group: m.Group, DedupID: dedupID(m),
		Attributes: fit(v.described(m), max(maxMessage-len(m.Body), minAttributes)),
	}
}

// dedupID differs from receive to receive: a message that is replayed and fails
// again within the deduplication window must reach the queue again.
func dedupID(m Message) string {
	sum := sha256.Sum256([]byte(m.ID + "\x00" + strconv.Itoa(m.ReceiveCount)))
	return hex.EncodeToString(sum[:])
}

// fit returns the attributes as SQS accepts them, within size bytes in all.
// Empty values and names that SQS refuses are left out.
func fit(attributes map[string]string, size int) map[string]string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(attributes)), func(n string) bool {
		return attributes[n] == "" || !validName(n)
	})
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	names = names[:min(len(names), maxAttributes)]
	fitted := make(map[string]string, len(names))
	for i, n := range names {
		overhead := len(n) + len(attributeType)
		reserve := 0 // for the names still to come, so that each keeps some of its text
		for _, later := range names[i+1:] {
			reserve += len(later) + len(attributeType) + minText
		}
		v := shorten(printable(attributes[n]), size-overhead-reserve)
		if v == "" {
			continue
		}
		fitted[n] = v
		size -= overhead + len(v)
	}
	return fitted
}

// minText is the least room, in bytes, that a text keeps beside longer ones.
const minText = 64

func rank(name string) int {
	if i := slices.Index(known(), name); i >= 0 {
		return i
	}
	return len(known())
}

// validName reports whether SQS accepts the attribute name.
func validName(n string) bool {
	lower := strings.ToLower(n)
	switch {
	case n == "" || len(n) > maxAttributeName,
		strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."),
		strings.HasPrefix(n, ".") || strings.HasSuffix(n, ".") || strings.Contains(n, ".."):
		return false
	}
	return !strings.ContainsFunc(n, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.", r))
	})
}

// printable writes what SQS refuses as escapes, such as \x00 or \ufffe, so that
// nothing vanishes unseen.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, refused) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1, r < ' ' && refused(r):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case refused(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// refused reports whether r is outside the XML characters that SQS accepts.
func refused(r rune) bool {
	switch r {
	case '\t', '\n', '\r':
		return false
	case 0xfffe, 0xffff:
		return true
	}
	return r < ' '
}

const ellipsis = "…"

// shorten cuts the middle out of s: the beginning says what happened, the end
// is the root cause.
func shorten(s string, size int) string {
	if len(s) <= size {
		return s
	}
	room := size - len(ellipsis)
	if room <= 0 {
		return ""
	}
	head, tail := s[:room-room/3], s[len(s)-room/3:]
	for len(head) > 0 && !utf8.ValidString(head) {
		head = head[:len(head)-1]
	}
	for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
		tail = tail[1:]
	}
	return head + ellipsis + tail
}
