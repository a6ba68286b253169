package command_test

import (
	"slices"
	"strings"
	"testing"

	"dialtone/shared/command"
	"dialtone/shared/sipaddr"
)

func TestQueueOf(t *testing.T) {
	t.Parallel()
	for _, typ := range command.Types() {
		want := command.NumbersQueue
		switch {
		case strings.HasPrefix(typ, "dialtone.simring."):
			want = command.SimRingQueue
		case strings.HasPrefix(typ, "dialtone.contacts."):
			want = "" // no function takes them
		}
		if got := command.QueueOf(typ); got != want {
			t.Errorf("queue of %s is %q, want %q", typ, got, want)
		}
	}
	if got := command.QueueOf("dialtone.unknown.v1"); got != "" {
		t.Errorf("queue of an unknown type is %q", got)
	}
}

func TestFIFO(t *testing.T) {
	t.Parallel()
	for queue, want := range map[string]bool{command.NumbersQueue: true, command.SimRingQueue: true, command.ContactsQueue: false, "": false} {
		if got := command.FIFO(queue); got != want {
			t.Errorf("%q: FIFO is %t", queue, got)
		}
	}
}

// What SQS takes as a group id: 1 to 128 letters, digits and ASCII punctuation.
func TestGroup(t *testing.T) {
	t.Parallel()
	if got := (command.Command{User: "ada@contoso.test"}).Group(); got != "ada@contoso.test" {
		t.Errorf("group %q", got)
	}
	var groups []string
	for _, user := range []sipaddr.User{"änne@contoso.test", sipaddr.User(strings.Repeat("a", 120) + "@contoso.test")} {
		group := command.Command{User: user}.Group()
		if len(group) != 64 || slices.Contains(groups, group) || group != (command.Command{User: user}).Group() {
			t.Errorf("group of %s is %q", user, group)
		}
		groups = append(groups, group)
	}
}

func TestDedupID(t *testing.T) {
	t.Parallel()
	key, other := command.Key{Source: "hr", ID: "1"}, command.Key{Source: "hr", ID: "2"}
	ids := []string{key.DedupID(0), key.DedupID(1), key.DedupID(11), other.DedupID(1)}
	for i, id := range ids {
		if slices.Contains(ids[:i], id) || len(id) > 128 {
			t.Errorf("id %q", id)
		}
	}
	if ids[0] != key.Hash() || key.DedupID(1) != ids[1] {
		t.Errorf("ids %q", ids)
	}
}
