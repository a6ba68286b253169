package template

// Policy is one rule. Check is safe for concurrent use.
type Policy struct {
	Name  string // a few words, fit for a subtest
	Check func(*Stack) []Violation
}

// Policies returns every rule that a template keeps in both of its forms.
func Policies() []Policy {
	return []Policy{
		{"queues hide messages long enough", visibility},
		{"queues have a dead-letter queue that fits", deadLetters},
		{"queues are encrypted", encrypted},
		{"queues refuse plain http", tlsOnly},
		{"queues have alarms", queueAlarms},
		{"functions run what is built", runtimes},
		{"functions have logs of their own", logs},
		{"functions have alarms", functionAlarms},
		{"alarms reach somebody", alarmActions},
		{"event sources lose nothing", lossless},
		{"event sources are not throttled", concurrency},
		{"streams end their retries in time", streams},
		{"roles are for one function", ownRoles},
		{"roles allow nothing in general", narrow},
		{"roles allow what event sources need", sufficient},
		{"tables can be restored", tables},
		{"schedules are valid", schedules},
		{"schedules tell when they fail", punctual},
		{"metric filters match what is logged", metricFilters},
		{"parameters are checked", parameters},
		{"outputs are there", outputs},
		{"variables are those that functions read", variables},
	}
}

// SourcePolicies returns the rules about what the SAM transform takes away.
func SourcePolicies() []Policy {
	return []Policy{
		{"functions are built by make", builds},
		{"functions are deployed gradually", deployments},
	}
}

// Check returns the violations of all rules that apply.
func Check(s *Stack) []Violation {
	policies := Policies()
	if !s.rendered() {
		policies = append(policies, SourcePolicies()...)
	}
	var all []Violation
	for _, p := range policies {
		all = append(all, p.Check(s)...)
	}
	return all
}
