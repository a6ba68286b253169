package command

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// The queues that take commands, by the names of the embedded stack. On AWS the
// name of the deployment goes before them.
const (
	NumbersQueue = "numbers.fifo"
	SimRingQueue = "simring.fifo"

	// ContactsQueue is a standard queue: it keeps no order, and has as many
	// messages on their way as it needs. One worker a user at a time is for the
	// ledger to see to.
	ContactsQueue = "contacts"
)

// QueueOf names the queue that takes messages of a type, "" where none does.
func QueueOf(typ string) string {
	switch typ {
	case TypeAssign, TypeRelease:
		return NumbersQueue
	case TypeEnableSimRing, TypeDisableSimRing:
		return SimRingQueue
	}
	return ""
}

// FIFO reports whether a queue keeps the order of a group and drops what comes
// twice. Only such a queue takes a [Command.Group] and a [Key.DedupID].
func FIFO(queue string) bool { return strings.HasSuffix(queue, ".fifo") }

// Group is the message group of a command on a FIFO queue: its user, so that one
// user's commands keep their order. Where SQS would refuse the address as a group
// it is a hash of it (Amazon SQS: MessageGroupId).
func (c Command) Group() string {
	user := string(c.User)
	if len(user) <= 128 && !strings.ContainsFunc(user, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return user
	}
	sum := sha256.Sum256([]byte(user))
	return hex.EncodeToString(sum[:])
}

// DedupID is the deduplication id on a FIFO queue of a request's message, and of
// its nth replay. A queue drops what it has seen in the last five minutes, also
// if that is gone since: a replay needs an id of its own, which is the same when
// it is repeated. Zero is the first sending.
func (k Key) DedupID(replay int) string {
	if replay == 0 {
		return k.Hash()
	}
	return k.Hash() + "-" + strconv.Itoa(replay)
}
