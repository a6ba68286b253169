package template

import (
	"strings"
)

// The ratios that AWS recommends (AWS Lambda Developer Guide: "Using Lambda with
// Amazon SQS"), and our own.
const (
	visibilityPerTimeout = 6    // visibility timeout over function timeout
	receivesPerHour      = 2    // a message is tried at least hourly, and held back as often
	mostReceives         = 1000 // that SQS takes
	defaultVisibility    = 30
	defaultRetention     = 4 * 24 * 3600
	defaultMessageSize   = 256 << 10
)

// dead returns the dead-letter queues, each with the resource it belongs to.
func (s *Stack) dead() map[string]resource {
	owners := map[string]resource{}
	for _, q := range s.ofType(queueType) {
		if id := target(at(q.props, "RedrivePolicy", "deadLetterTargetArn")); id != "" {
			owners[id] = q
		}
	}
	for _, e := range s.sources {
		if id := target(at(e.props, "DestinationConfig", "OnFailure", "Destination")); id != "" {
			owners[id] = resource{id: e.id}
		}
	}
	for _, r := range s.ofType(scheduleType) {
		if id := target(at(r.props, "Target", "DeadLetterConfig", "Arn")); id != "" {
			owners[id] = r
		}
	}
	return owners
}

func visibility(s *Stack) []Violation {
	var all []Violation
	for _, e := range s.sources {
		q := s.find(e.from)
		if q.kind != queueType {
			continue
		}
		for _, f := range s.functions {
			need := visibilityPerTimeout*f.timeout + s.number(e.props["MaximumBatchingWindowInSeconds"])
			if have := s.numberOr(q.props["VisibilityTimeout"], defaultVisibility); f.id == e.function && have < need {
				all = append(all, q.fault("VisibilityTimeout", "make it six times the function's timeout and its batching window",
					"is %d s, %s needs %d", have, f.id, need))
			}
		}
	}
	return all
}

func (s *Stack) numberOr(v any, otherwise int) int {
	if v == nil {
		return otherwise
	}
	return s.number(v)
}

func deadLetters(s *Stack) []Violation {
	var all []Violation
	dead := s.dead()
	for _, q := range s.ofType(queueType) {
		if _, is := dead[q.id]; is {
			continue
		}
		d := s.find(target(at(q.props, "RedrivePolicy", "deadLetterTargetArn")))
		if d.kind != queueType {
			all = append(all, q.fault("RedrivePolicy", "give the queue a dead-letter queue of this template", "names none"))
			continue
		}
		all = append(all, s.redrive(q, d)...)
	}
	return all
}

// redrive compares a queue with its dead-letter queue.
func (s *Stack) redrive(q, d resource) []Violation {
	var all []Violation
	fault := func(wrong bool, r resource, property, mend, what string, args ...any) {
		if wrong {
			all = append(all, r.fault(property, mend, what, args...))
		}
	}
	kept := s.numberOr(q.props["MessageRetentionPeriod"], defaultRetention)
	after := s.numberOr(d.props["MessageRetentionPeriod"], defaultRetention)
	size := s.numberOr(q.props["MaximumMessageSize"], defaultMessageSize)
	room := s.numberOr(d.props["MaximumMessageSize"], defaultMessageSize)
	receives := s.number(at(q.props, "RedrivePolicy", "maxReceiveCount"))
	need := min(kept/3600*receivesPerHour, mostReceives)

	fault(q.props["FifoQueue"] != d.props["FifoQueue"], d, "FifoQueue", "let both be FIFO, or neither", "differs from that of %s", q.id)
	fault(after < kept, d, "MessageRetentionPeriod", "keep dead letters as long as messages at least", "is %d s, that of %s is %d", after, q.id, kept)
	fault(room <= size, d, "MaximumMessageSize", "leave room for the reason beside the body", "is %d, that of %s is %d", room, q.id, size)
	fault(receives < need, q, "RedrivePolicy.maxReceiveCount", "waiting out an outage must not cost the message", "is %d, and %d receives fit into its retention", receives, need)
	return all
}

func encrypted(s *Stack) []Violation {
	var all []Violation
	for _, q := range s.ofType(queueType) {
		if q.props["SqsManagedSseEnabled"] != true && q.props["KmsMasterKeyId"] == nil {
			all = append(all, q.fault("SqsManagedSseEnabled", "set it to true", "is not set"))
		}
	}
	return all
}

// tlsOnly looks for a statement of each queue's policy that denies everything
// to calls without TLS. (Amazon SQS Developer Guide: "Amazon SQS security best
// practices".)
func tlsOnly(s *Stack) []Violation {
	denied := map[string]bool{}
	for _, p := range s.ofType("AWS::SQS::QueuePolicy") {
		for _, q := range list(p.props["Queues"]) {
			for _, st := range list(at(p.props, "PolicyDocument", "Statement")) {
				denied[target(q)] = denied[target(q)] || deniesPlainHTTP(st, target(q))
			}
		}
	}
	var all []Violation
	for _, q := range s.ofType(queueType) {
		if !denied[q.id] {
			all = append(all, q.fault("", "add a policy that denies sqs:* when aws:SecureTransport is false", "takes plain http"))
		}
	}
	return all
}

func deniesPlainHTTP(statement any, queue string) bool {
	everybody := at(statement, "Principal") == "*" || at(statement, "Principal", "AWS") == "*"
	return everybody && at(statement, "Effect") == "Deny" && at(statement, "Action") == "sqs:*" &&
		target(at(statement, "Resource")) == queue && len(mappingAt(statement, "Condition")) == 1 &&
		strings.EqualFold(text(at(statement, "Condition", "Bool", "aws:SecureTransport")), "false")
}

func queueAlarms(s *Stack) []Violation {
	var all []Violation
	dead := s.dead()
	for _, q := range s.ofType(queueType) {
		metric := "ApproximateAgeOfOldestMessage"
		_, isDead := dead[q.id]
		if isDead {
			metric = "ApproximateNumberOfMessagesVisible"
		}
		a, found := s.alarm("AWS/SQS", metric, q.id)
		if !found {
			all = append(all, q.fault("", "add one with dimension QueueName", "has no alarm on %s", metric))
		}
		if found && isDead && s.number(a.props["Threshold"]) != 0 {
			all = append(all, a.fault("Threshold", "one dead letter is one too many", "is not 0"))
		}
	}
	return all
}

// alarm finds the alarm on a metric of a resource.
func (s *Stack) alarm(namespace, metric, id string) (resource, bool) {
	for _, a := range s.ofType(alarmType) {
		if a.props["Namespace"] != namespace || a.props["MetricName"] != metric {
			continue
		}
		for _, d := range list(a.props["Dimensions"]) {
			if target(at(d, "Value")) == id {
				return a, true
			}
		}
	}
	return resource{}, false
}
