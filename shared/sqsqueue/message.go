package sqsqueue

import (
	"strconv"
	"time"

	"dialtone/shared/command"
)

// Message is a message to send. Body is required, and Group on a FIFO queue.
type Message struct {
	Body  string
	Group string // messages of one group keep their order; on other than FIFO queues only carried along
	// DedupID makes a FIFO queue take the message once in five minutes; other
	// queues have no such thing, and it is left out there.
	DedupID    string
	Delay      time.Duration     // whole seconds up to 15 min; not on FIFO queues. Zero: that of the queue
	Attributes map[string]string // at most ten
}

// Command returns the message that carries a command: body is its CloudEvent.
// Its group is the user and its deduplication id the hash of the request key.
func Command(c command.Command, body []byte) Message { return Replay(c, body, 0) }

// Replay returns the message that carries a command once more, for the nth time
// that its request is replayed; see [command.Key.DedupID].
func Replay(c command.Command, body []byte, n int) Message {
	return Message{Body: string(body), Group: c.Group(), DedupID: c.Key.DedupID(n)}
}

// size is what counts against the limits of SQS.
func (m Message) size() int {
	n := len(m.Body)
	for key, text := range m.Attributes {
		n += len(key) + len("String") + len(text)
	}
	return n
}

// Limits of a batch (Amazon SQS: SendMessageBatch). Bytes are kept to what every
// region and emulator takes, not to today's 1 MiB, which maxMessage is.
const (
	maxEntries = 10
	maxBytes   = 256 << 10
	maxMessage = 1 << 20
)

// batch takes from the front of waiting what goes into one call: at most ten
// messages and 256 KiB, and of each line only one, so that no message is
// accepted before another of its line that was refused. waiting are positions;
// what stays behind is returned in order.
func (o *outbox) batch(waiting []int) (now, later []int) {
	size := 0
	lines := make(map[string]bool)
	for _, i := range waiting {
		n := o.messages[i].size()
		full := len(now) == maxEntries || len(now) > 0 && size+n > maxBytes
		if full || lines[o.line(i)] {
			later = append(later, i)
		} else {
			now = append(now, i)
			size += n
		}
		lines[o.line(i)] = true
	}
	return now, later
}

// line names the messages that keep their order: those of one group on a FIFO
// queue. On other queues each is a line of its own.
func (o *outbox) line(i int) string {
	if o.sender.fifo {
		return o.messages[i].Group
	}
	return strconv.Itoa(i)
}
