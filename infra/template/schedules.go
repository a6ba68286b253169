package template

const scheduleType = "AWS::Scheduler::Schedule"

// punctual holds schedules, and the functions that they start, to a limit of
// retries and a place where somebody hears of what was given up. Scheduler hands an
// event over and is done; what the function makes of it is told by its
// EventInvokeConfig alone. (AWS Lambda Developer Guide: "How Lambda handles errors
// and retries with asynchronous invocation".)
func punctual(s *Stack) []Violation {
	var all []Violation
	for _, r := range s.ofType(scheduleType) {
		to := mappingAt(r.props, "Target")
		if s.find(target(at(to, "DeadLetterConfig", "Arn"))).kind != queueType {
			all = append(all, r.fault("Target.DeadLetterConfig", "name a queue of this template", "is missing"))
		}
		for _, limit := range []string{"MaximumEventAgeInSeconds", "MaximumRetryAttempts"} {
			if at(to, "RetryPolicy", limit) == nil {
				all = append(all, r.fault("Target.RetryPolicy", "set "+limit+": the default is a day, and what is late is of no use", "lacks %s", limit))
			}
		}
		role := s.find(target(to["RoleArn"]))
		if !s.allows(role, "lambda:InvokeFunction", target(to["Arn"])) || !s.allows(role, "sqs:SendMessage", target(at(to, "DeadLetterConfig", "Arn"))) {
			all = append(all, r.fault("Target.RoleArn", "let it invoke the target and send to the dead-letter queue", "does not allow that"))
		}
		all = append(all, s.asynchronous(r, target(to["Arn"]))...)
	}
	return all
}

// asynchronous wants a failure destination for a function that is invoked by an
// alias and nobody waits for.
func (s *Stack) asynchronous(by resource, alias string) []Violation {
	f, config := s.invoked(alias)
	if f.kind == "" {
		return []Violation{by.fault("Target.Arn", "name the alias of a function, such as !Ref CheckPools.Alias", "is none")}
	}
	d := target(at(config, "DestinationConfig", "OnFailure", "Destination"))
	switch {
	case s.find(d).kind != queueType:
		return []Violation{f.fault("EventInvokeConfig.DestinationConfig.OnFailure", "name a queue of this template", "is missing, and %s invokes it", by.id)}
	case !s.allows(s.find(target(f.props["Role"])), "sqs:SendMessage", d):
		return []Violation{f.fault("Role", "add it", "does not allow sqs:SendMessage on %s", d)}
	}
	return nil
}

// invoked returns the function behind an alias, and what is set for invocations
// that nobody waits for: as written in SAM, or as rendered.
func (s *Stack) invoked(alias string) (f resource, config object) {
	const ofSAM = ".Alias"
	if n := len(alias) - len(ofSAM); n > 0 && alias[n:] == ofSAM {
		f = s.find(alias[:n])
		return f, mappingAt(f.props, "EventInvokeConfig")
	}
	f = s.find(target(s.find(alias).props["FunctionName"]))
	for _, r := range s.ofType("AWS::Lambda::EventInvokeConfig") {
		if target(r.props["FunctionName"]) == f.id {
			config = r.props
		}
	}
	return f, config
}
