package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// promised are the parameters that others deploy with.
func promised() []string {
	return []string{
		"WebexBaseUrl", "WebexSecretId", "WebexRate", "UcwaDiscoveryUrl", "UcwaAuth", "UcwaSecretPrefix",
		"UcwaBrokerUrl", "UcwaConcurrency", "QuarantineDays",
	}
}

// parameters wants each parameter checked before anything is deployed, and no
// secret among them: those are named, never handed in.
func parameters(s *Stack) []Violation {
	var all []Violation
	known := mappingAt(s.root, "Parameters")
	for _, name := range promised() {
		if known[name] == nil {
			all = append(all, Violation{"Parameters", "lacks " + name, "others deploy with it: bring it back"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		p := resource{id: "Parameters." + name, props: mappingAt(known, name)}
		for _, property := range []string{"Description", "ConstraintDescription"} {
			if text(p.props[property]) == "" {
				all = append(all, p.fault(property, "write it for who sees nothing else", "is missing"))
			}
		}
		if p.props["NoEcho"] != nil {
			all = append(all, p.fault("NoEcho", "take the name of a secret instead", "makes it a secret"))
		}
		if problem := unchecked(p.props); problem != "" {
			all = append(all, p.fault("", "see the other parameters", "%s", problem))
		}
	}
	return all
}

// unchecked says what a parameter's constraints lack; "" if nothing. The default
// must pass them.
func unchecked(p object) string {
	values := list(p["AllowedValues"])
	if len(values) > 0 {
		if !slices.Contains(values, p["Default"]) {
			return "the default is not allowed"
		}
		return ""
	}
	if p["Type"] == "Number" {
		if p["MinValue"] == nil || p["MaxValue"] == nil {
			return "MinValue or MaxValue is missing"
		}
		if d := float(p["Default"]); d < float(p["MinValue"]) || d > float(p["MaxValue"]) {
			return "the default is not allowed"
		}
		return ""
	}
	return unmatched(p)
}

func unmatched(p object) string {
	pattern := text(p["AllowedPattern"])
	if !strings.HasPrefix(pattern, "^") || !strings.HasSuffix(pattern, "$") {
		return "AllowedPattern is missing, or does not begin with ^ and end with $"
	}
	allowed, err := regexp.Compile(pattern)
	if err != nil {
		return "AllowedPattern: " + err.Error()
	}
	for _, v := range strings.Split(text(p["Default"]), ",") {
		if !allowed.MatchString(v) {
			return "the default is not allowed"
		}
	}
	return ""
}

func float(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case float64:
		return n
	}
	return 0
}

// outputs wants the address of all that others send to, read or listen on.
func outputs(s *Stack) []Violation {
	var all []Violation
	known := mappingAt(s.root, "Outputs")
	for _, r := range s.resources {
		name := ""
		switch r.kind {
		case queueType:
			name = r.id + "Url"
		case tableType:
			name = r.id + "Name"
		case "AWS::Events::EventBus":
			name = r.id + "Name"
		case "AWS::SNS::Topic":
			name = r.id + "Arn"
		default:
			continue
		}
		if have := target(at(known, name, "Value")); have != r.id {
			all = append(all, r.fault("", "add it: others find the resource by it", "output %s is missing, or of something else", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if text(at(known, name, "Description")) == "" {
			all = append(all, Violation{"Outputs." + name, "has no description", "write one"})
		}
	}
	return all
}

// schedules finds schedule expressions wherever they stand.
func schedules(s *Stack) []Violation {
	var all []Violation
	for _, r := range s.resources {
		for _, e := range expressions(r.props) {
			if problem := badSchedule(e); problem != "" {
				all = append(all, r.fault("ScheduleExpression", "see the EventBridge Scheduler User Guide: Schedule types", "%q: %s", e, problem))
			}
		}
	}
	return all
}

// expressions collects the schedule expressions below v. A SAM event calls its
// own Schedule in the older types.
func expressions(v any) []string {
	var all []string
	switch v := v.(type) {
	case object:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if s, ok := v[key].(string); ok && (key == "ScheduleExpression" || key == "Schedule") {
				all = append(all, s)
			}
			all = append(all, expressions(v[key])...)
		}
	case []any:
		for _, e := range v {
			all = append(all, expressions(e)...)
		}
	}
	return all
}

// badSchedule says what is wrong with a schedule expression; "" if nothing.
// (Amazon EventBridge Scheduler User Guide: "Schedule types".)
func badSchedule(e string) string {
	m := regexp.MustCompile(`^(rate|cron|at)\((.*)\)$`).FindStringSubmatch(e)
	if m == nil {
		return "is not rate(...), cron(...) or at(...)"
	}
	switch m[1] {
	case "rate":
		return badRate(m[2])
	case "cron":
		return badCron(m[2])
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`).MatchString(m[2]) {
		return "want at(yyyy-mm-ddThh:mm:ss)"
	}
	return ""
}

func badRate(s string) string {
	m := regexp.MustCompile(`^([1-9][0-9]*) (minute|hour|day)(s?)$`).FindStringSubmatch(s)
	switch {
	case m == nil:
		return "want a number of minutes, hours or days"
	case (m[1] == "1") != (m[3] == ""):
		return "1 has a singular unit, every other number a plural one"
	}
	return ""
}

// badCron checks the form of the six fields and the rule that one of the two
// days must be open.
func badCron(s string) string {
	fields := strings.Fields(s)
	if len(fields) != 6 {
		return fmt.Sprintf("has %d fields, want 6: minutes hours day-of-month month day-of-week year", len(fields))
	}
	for i, pattern := range []string{`[0-9*,/-]+`, `[0-9*,/-]+`, `[0-9*,/?LW-]+`, `[0-9A-Z*,/-]+`, `[0-9A-Z*,/?#-]+`, `[0-9*,/-]+`} {
		if !regexp.MustCompile(`^` + pattern + `$`).MatchString(fields[i]) {
			return fmt.Sprintf("field %d: %s", i+1, fields[i])
		}
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return "exactly one of day-of-month and day-of-week must be ?"
	}
	return ""
}
