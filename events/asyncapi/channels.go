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
)

// line is a queue of commands with the queue of those that were given up, and
// the names of what dialtone does at both.
type line struct {
	channel, deadLetters string // keys
	name                 string // of the queue, without the stack's
	about                string // what is commanded, for people
	giveUp, report       string // operations
	commands             []order
}

// order is a command with its operation and the event that says it is done.
type order struct{ command, operation, title, done string }

// failed answers any command that ends without its effect.
const failed = "dialtone.request.failed.v1"

func lines() []line {
	return []line{
		{
			numbers, numbersDeadLetters, "numbers", "numbers", "giveUpNumbers", "reportNumbers",
			[]order{
				{"dialtone.number.assign.v1", "assignNumber", "Give a user a number", "dialtone.number.assigned.v1"},
				{"dialtone.number.release.v1", "releaseNumber", "Take a number back", "dialtone.number.released.v1"},
			},
		},
		{
			simring, simringDeadLetters, "simring", "simultaneous ringing", "giveUpSimRing", "reportSimRing",
			[]order{
				{"dialtone.simring.enable.v1", "enableSimRing", "Ring a second phone as well", "dialtone.simring.enabled.v1"},
				{"dialtone.simring.disable.v1", "disableSimRing", "End simultaneous ringing", "dialtone.simring.disabled.v1"},
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
		main, dead := queue{"{stack}-" + l.name + ".fifo", true}, queue{"{stack}-" + l.name + "-dlq.fifo", true}
		var commands []string
		for _, o := range l.commands {
			commands = append(commands, o.command)
		}
		all[l.channel] = channel{
			Address: main.Name, Title: "Commands about " + l.about,
			Description: "A FIFO queue. MessageGroupId is the user as user@domain in lower case, so that the commands of one user keep their order; MessageDeduplicationId is the SHA-256, in hexadecimal, of source, a zero byte and id.",
			Servers:     []reference{{"#/servers/sqs"}}, Parameters: stack(), Messages: onChannel(commands...),
			Bindings: &bindings{sqs{main, &dead, sqsBinding}},
		}
		all[l.deadLetters] = channel{
			Address: dead.Name, Title: "Commands about " + l.about + " that were given up",
			Description: "Emptied by dialtone itself, which records each dead letter and publishes dialtone.request.failed.v1. The message group is that of the command.",
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
