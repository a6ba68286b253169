package asyncapi

import (
	"slices"

	"dialtone/events/schema"
)

// Keys of the channels.
const (
	bus                = "bus"
	numbers            = "numbers"
	numbersDeadLetters = "numbersDeadLetters"
	simring            = "simring"
	simringDeadLetters = "simringDeadLetters"

	contacts            = "contacts"
	contactsDeadLetters = "contactsDeadLetters"
)

// line is a queue of commands with the queue of those that were given up, and
// the names of what dialtone does at both.
type line struct {
	channel, deadLetters string // keys
	name                 string // of the queue, without the stack's
	standard             bool   // the queue is no FIFO queue
	about                string // what is commanded, for people
	giveUp, report       string // operations
	commands             []order
}

func (l line) queues() (main, dead queue) {
	name := "{stack}-" + l.name
	if l.standard {
		return queue{name, false}, queue{name + "-dlq", false}
	}
	return queue{name + ".fifo", true}, queue{name + "-dlq.fifo", true}
}

// order says in which order commands are taken.
func (l line) order() string {
	if l.standard {
		return "A standard queue: commands may be taken in another order than they were sent, and side by side, but those of one user never are."
	}
	return "A FIFO queue. MessageGroupId is the user as user@domain in lower case, so that the commands of one user keep their order; MessageDeduplicationId is the SHA-256, in hexadecimal, of source, a zero byte and id."
}

// group says where the message group of a dead letter comes from.
func (l line) group() string {
	if l.standard {
		return ""
	}
	return " The message group is that of the command."
}

// order is a command with its operation and the event that says it is done.
type order struct{ command, operation, title, done string }

// failed answers any command that ends without its effect.
const failed = "dialtone.request.failed.v1"

func lines() []line {
	return []line{
		{
			numbers, numbersDeadLetters, "numbers", false, "numbers", "giveUpNumbers", "reportNumbers",
			[]order{
				{"dialtone.number.assign.v1", "assignNumber", "Give a user a number", "dialtone.number.assigned.v1"},
				{"dialtone.number.release.v1", "releaseNumber", "Take a number back", "dialtone.number.released.v1"},
			},
		},
		{
			simring, simringDeadLetters, "simring", false, "simultaneous ringing", "giveUpSimRing", "reportSimRing",
			[]order{
				{"dialtone.simring.enable.v1", "enableSimRing", "Ring a second phone as well", "dialtone.simring.enabled.v1"},
				{"dialtone.simring.disable.v1", "disableSimRing", "End simultaneous ringing", "dialtone.simring.disabled.v1"},
			},
		},
		{
			contacts, contactsDeadLetters, "contacts", true, "contacts and groups", "giveUpContacts", "reportContacts",
			[]order{
				{"dialtone.contacts.subscribe.v1", "subscribeContacts", "Tell of changed contacts and groups", "dialtone.contacts.subscribed.v1"},
				{"dialtone.contacts.unsubscribe.v1", "unsubscribeContacts", "Tell no more of changed contacts and groups", "dialtone.contacts.unsubscribed.v1"},
				{"dialtone.contacts.refresh.v1", "refreshContacts", "Keep subscriptions alive", "dialtone.contacts.refreshed.v1"},
			},
		},
	}
}

func servers() map[string]server {
	region := map[string]variable{"region": {"AWS region of the stack.", []string{"eu-central-1"}}}
	return map[string]server{
		"sqs":         {"sqs.{region}.amazonaws.com", "sqs", "The queues. Over TLS only, with credentials of the account.", region},
		"eventbridge": {"events.{region}.amazonaws.com", "eventbridge", "The bus. Rules on it forward events to whoever wants them.", region},
	}
}

func channels() map[string]channel {
	all := map[string]channel{bus: {
		Address: "{stack}", Title: "Event bus",
		Description: "An EventBridge bus. Each event stands whole in the detail of an EventBridge event with source dialtone and the event's type as detail-type, at least once: drop repeats by id.",
		Servers:     []reference{{"#/servers/eventbridge"}}, Parameters: stack(),
		Messages: onChannel(slices.Concat(schema.Outcomes(), schema.Notices())...),
	}}
	for _, l := range lines() {
		main, dead := l.queues()
		var commands []string
		for _, o := range l.commands {
			commands = append(commands, o.command)
		}
		all[l.channel] = channel{
			Address: main.Name, Title: "Commands about " + l.about,
			Description: l.order(),
			Servers:     []reference{{"#/servers/sqs"}}, Parameters: stack(), Messages: onChannel(commands...),
			Bindings: &bindings{sqs{main, &dead, sqsBinding}},
		}
		all[l.deadLetters] = channel{
			Address: dead.Name, Title: "Commands about " + l.about + " that were given up",
			Description: "Emptied by dialtone itself, which records each dead letter and publishes dialtone.request.failed.v1." + l.group(),
			Servers:     []reference{{"#/servers/sqs"}}, Parameters: stack(), Messages: onChannel(deadLetter),
			Bindings: &bindings{sqs{dead, nil, sqsBinding}},
		}
	}
	return all
}

// sqsBinding is the version of the binding whose schema the document follows.
const sqsBinding = "0.2.0"

func stack() map[string]variable {
	return map[string]variable{"stack": {"Name of the CloudFormation stack.", []string{"dialtone"}}}
}

// operations are what dialtone does: it receives commands and sends events.
func operations() map[string]operation {
	all := map[string]operation{
		"publishOutcomes": {
			Action: "send", Channel: to(bus), Title: "Answer requests",
			Description: "One outcome for each request, also when it comes again.", Messages: of(bus, schema.Outcomes()...),
		},
		"publishNotices": {
			Action: "send", Channel: to(bus), Title: "Say what somebody should know",
			Description: "Without a request.", Messages: of(bus, schema.Notices()...),
		},
	}
	for _, l := range lines() {
		for _, o := range l.commands {
			all[o.operation] = operation{
				Action: "receive", Channel: to(l.channel), Title: o.title,
				Messages: of(l.channel, o.command), Reply: &reply{to(bus), of(bus, o.done, failed)},
			}
		}
		all[l.giveUp] = operation{
			Action: "send", Channel: to(l.deadLetters), Title: "Give up commands about " + l.about,
			Description: "On first sight of what can never succeed, with the reason.", Messages: of(l.deadLetters, deadLetter),
		}
		all[l.report] = operation{
			Action: "receive", Channel: to(l.deadLetters), Title: "Record and report what was given up about " + l.about,
			Messages: of(l.deadLetters, deadLetter), Reply: &reply{to(bus), of(bus, failed)},
		}
	}
	return all
}

func to(channel string) reference { return reference{"#/channels/" + channel} }

// of refers to messages by way of their channel, as operations must.
func of(channel string, messages ...string) []reference {
	all := make([]reference, len(messages))
	for i, m := range messages {
		all[i] = reference{"#/channels/" + channel + "/messages/" + m}
	}
	return all
}

func onChannel(messages ...string) map[string]reference {
	all := map[string]reference{}
	for _, m := range messages {
		all[m] = reference{"#/components/messages/" + m}
	}
	return all
}
