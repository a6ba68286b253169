package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Attribute is a message attribute. Exactly one of the values is set.
type Attribute struct {
	DataType    string `json:"type"` // String, Number or Binary, with an optional ".label"
	StringValue string `json:"string,omitempty"`
	BinaryValue []byte `json:"binary,omitempty"` // for Binary
}

// Text returns a String attribute.
func Text(value string) Attribute { return Attribute{DataType: "String", StringValue: value} }

// Outgoing is a message to send. Only Body is required, and Group on a FIFO queue.
type Outgoing struct {
	Body       string               // at least one byte of UTF-8; kept byte for byte
	Attributes map[string]Attribute // at most 10
	Group      string               // group id; on other than FIFO queues only carried along
	DedupID    string               // only on FIFO queues; see Config.ContentDedup
	Delay      time.Duration        // at most 15 min, not on FIFO queues; zero: that of the queue
}

// Sent is an accepted message.
type Sent struct {
	ID        string // message id; that of the first when Duplicate
	Sequence  string // 20 digits, rising in the order of sends; "" on other than FIFO queues
	Duplicate bool   // the same deduplication id was sent within 5 min: nothing was added
}

// Message is a message as the queue keeps it. Times are in UTC, in milliseconds.
type Message struct {
	ID               string
	Body             string
	Attributes       map[string]Attribute // nil when it has none
	Group            string
	DedupID          string
	Sequence         string    // see [Sent]
	ReceiveCount     int       // ApproximateReceiveCount, this receive included
	SentAt           time.Time // of the send, or of the arrival in a FIFO dead-letter queue
	FirstReceivedAt  time.Time // zero: never received
	DeadLetterSource string    // queue that MaxReceiveCount moved it from; "" otherwise
}

// Received is a message in flight.
type Received struct {
	Message
	Receipt string // handle of this receive, for Delete and ChangeVisibility
}

var (
	// attributeName and token: Amazon SQS, message attributes and SendMessage.
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	attributeType = regexp.MustCompile(`^(String|Number|Binary)(\.[^\x00-\x1f]{1,249})?$`)
	token         = regexp.MustCompile("^[A-Za-z0-9!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]{1,128}$")
)

// check refuses what SQS would refuse.
func (q *Queue) check(m Outgoing) error {
	switch {
	case m.Body == "":
		return q.refuse(MissingParameter, "the body is empty")
	case m.size() > q.config.MaxMessageBytes:
		return q.refuse(InvalidParameter, "body and attributes have %d bytes, at most %d fit", m.size(), q.config.MaxMessageBytes)
	case !carried(m.Body):
		return q.refuse(InvalidContents, "the body has characters other than XML allows")
	case m.Delay < 0 || m.Delay > maxDelay:
		return q.refuse(InvalidParameter, "the delay is %s, want 0 to %s", m.Delay, maxDelay)
	case m.Group != "" && !token.MatchString(m.Group):
		return q.refuse(InvalidParameter, "the group id is not 1 to 128 letters, digits and ASCII punctuation")
	case m.DedupID != "" && !token.MatchString(m.DedupID):
		return q.refuse(InvalidParameter, "the deduplication id is not 1 to 128 letters, digits and ASCII punctuation")
	}
	if err := q.checkType(m); err != nil {
		return err
	}
	return q.checkAttributes(m.Attributes)
}

func (q *Queue) checkType(m Outgoing) error {
	fifo := q.config.FIFO()
	switch {
	case fifo && m.Group == "":
		return q.refuse(MissingParameter, "a FIFO queue needs a group id")
	case fifo && m.DedupID == "" && !q.config.ContentDedup:
		return q.refuse(InvalidParameter, "a FIFO queue without content-based deduplication needs a deduplication id")
	case fifo && m.Delay != 0:
		return q.refuse(InvalidParameter, "a FIFO queue takes no delay for single messages")
	case !fifo && m.DedupID != "":
		return q.refuse(InvalidParameter, "only a FIFO queue takes a deduplication id")
	}
	return nil
}

func (q *Queue) checkAttributes(attributes map[string]Attribute) error {
	if len(attributes) > 10 {
		return q.refuse(InvalidParameter, "%d message attributes, at most 10 are allowed", len(attributes))
	}
	for name, a := range attributes {
		lower := strings.ToLower(name)
		switch {
		case len(name) > 256 || !attributeName.MatchString(name) ||
			strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
			return q.refuse(InvalidParameter, "%q is not a name for a message attribute", name)
		case !attributeType.MatchString(a.DataType):
			return q.refuse(InvalidParameter, "message attribute %s has the unknown type %q", name, a.DataType)
		case strings.HasPrefix(a.DataType, "Binary") != (len(a.BinaryValue) > 0) || (a.StringValue != "") == (len(a.BinaryValue) > 0):
			return q.refuse(InvalidParameter, "message attribute %s has no value of its type %s", name, a.DataType)
		case !carried(a.StringValue):
			return q.refuse(InvalidContents, "message attribute %s has characters other than XML allows", name)
		}
	}
	return nil
}

// size is what counts against the limit: the body and every part of the
// attributes.
func (m Outgoing) size() int {
	n := len(m.Body)
	for name, a := range m.Attributes {
		n += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return n
}

// carried reports whether SQS carries a text unchanged: tab, line feed,
// carriage return and U+0020 up, without surrogates, U+FFFE and U+FFFF.
func carried(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return false
		}
	}
	return true
}

// dedup is the deduplication id of a message; "" on other than FIFO queues.
func (q *Queue) dedup(m Outgoing) string {
	if m.DedupID != "" || !q.config.FIFO() {
		return m.DedupID
	}
	sum := sha256.Sum256([]byte(m.Body))
	return hex.EncodeToString(sum[:])
}

func encodeAttributes(attributes map[string]Attribute) (string, error) {
	if len(attributes) == 0 {
		return "", nil
	}
	text, err := json.Marshal(attributes)
	return string(text), err
}

// columns are what scan reads.
const columns = `m.seq, m.id, m.body, m.attributes, m.grp, m.dedup, m.receives, m.sent, m.first_received,
	m.visible, m.received, m.lost, m.receipt, coalesce((SELECT name FROM queues WHERE id = m.source), '')`

// stored is a row of queue_messages.
type stored struct {
	Message
	seq, visible, received int64
	lost                   int
	receipt                string
}

func (q *Queue) scan(row interface{ Scan(...any) error }) (s stored, err error) {
	var attributes string
	var sent, first int64
	err = row.Scan(&s.seq, &s.ID, &s.Body, &attributes, &s.Group, &s.DedupID, &s.ReceiveCount, &sent, &first,
		&s.visible, &s.received, &s.lost, &s.receipt, &s.DeadLetterSource)
	if err != nil {
		return s, err
	}
	if attributes != "" {
		if err := json.Unmarshal([]byte(attributes), &s.Attributes); err != nil {
			return s, fmt.Errorf("attributes of message %s: %w", s.ID, err)
		}
	}
	s.SentAt = time.UnixMilli(sent).UTC()
	if first != 0 {
		s.FirstReceivedAt = time.UnixMilli(first).UTC()
	}
	s.Sequence = q.sequence(s.seq)
	return s, nil
}

func (q *Queue) sequence(seq int64) string {
	if !q.config.FIFO() {
		return ""
	}
	return fmt.Sprintf("%020d", seq)
}
