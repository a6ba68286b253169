package template

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

func runtimes(s *Stack) []Violation {
	var all []Violation
	for _, f := range s.functions {
		for property, want := range map[string]string{"Runtime": "provided.al2023", "Handler": "bootstrap"} {
			if have := text(f.props[property]); have != want {
				all = append(all, f.fault(property, "let Globals decide", "is %q, want %q", have, want))
			}
		}
		if have := texts(f.props["Architectures"]); !slices.Equal(have, []string{"arm64"}) {
			all = append(all, f.fault("Architectures", "let Globals decide", "is %v, want arm64", have))
		}
		if f.props["Tracing"] != "Active" && at(f.props, "TracingConfig", "Mode") != "Active" {
			all = append(all, f.fault("Tracing", "let Globals decide", "is not Active"))
		}
		if f.timeout == 0 {
			all = append(all, f.fault("Timeout", "say how long the function may take", "is not set"))
		}
	}
	return all
}

func logs(s *Stack) []Violation {
	var all []Violation
	taken := map[string]string{}
	for _, f := range s.functions {
		group := s.find(target(at(f.props, "LoggingConfig", "LogGroup")))
		if group.kind != "AWS::Logs::LogGroup" || group.props["RetentionInDays"] == nil {
			all = append(all, f.fault("LoggingConfig.LogGroup", "name a log group of this template that has RetentionInDays", "is none with a retention"))
		}
		if other := taken[group.id]; other != "" {
			all = append(all, f.fault("LoggingConfig.LogGroup", "give each function its own", "is that of %s", other))
		}
		taken[group.id] = f.id
		if at(f.props, "LoggingConfig", "LogFormat") != "JSON" {
			all = append(all, f.fault("LoggingConfig.LogFormat", "let Globals decide", "is not JSON"))
		}
	}
	return all
}

// functionAlarms wants to hear of errors and throttles, of a duration near the
// timeout, and of a stream that is behind.
func functionAlarms(s *Stack) []Violation {
	var all []Violation
	for _, f := range s.functions {
		metrics := []string{"Errors", "Throttles", "Duration"}
		for _, e := range s.of(f) {
			if s.find(e.from).kind == tableType {
				metrics = append(metrics, "IteratorAge")
			}
		}
		for _, m := range metrics {
			if _, found := s.alarm("AWS/Lambda", m, f.id); !found {
				all = append(all, f.fault("", "add one with dimension FunctionName", "has no alarm on %s", m))
			}
		}
		a, found := s.alarm("AWS/Lambda", "Duration", f.id)
		share := float64(s.number(a.props["Threshold"])) / float64(f.timeout*1000)
		if found && (share < 0.5 || share > 0.95) {
			all = append(all, a.fault("Threshold", "take 80 % of the timeout, in milliseconds", "is %.2f of the timeout of %s", share, f.id))
		}
	}
	return all
}

func alarmActions(s *Stack) []Violation {
	var all []Violation
	for _, a := range s.ofType(alarmType) {
		for _, property := range []string{"AlarmActions", "OKActions"} {
			actions := list(a.props[property])
			if len(actions) == 0 || s.find(target(actions[0])).kind != "AWS::SNS::Topic" {
				all = append(all, a.fault(property, "send it to the topic", "names no topic of this template"))
			}
		}
		if a.props["TreatMissingData"] == nil {
			all = append(all, a.fault("TreatMissingData", "say what no data means", "is not set"))
		}
		if !strings.Contains(text(a.props["AlarmDescription"]), `operations.md, "`) {
			all = append(all, a.fault("AlarmDescription", `end it with: See operations.md, "<heading>".`, "does not say what to do"))
			continue
		}
		all = append(all, s.runbook(a)...)
	}
	return all
}

// runbook looks for the heading that an alarm sends people to.
func (s *Stack) runbook(a resource) []Violation {
	book, err := fs.ReadFile(s.tree, "infra/docs/operations.md")
	if err != nil {
		return []Violation{a.fault("AlarmDescription", "write infra/docs/operations.md", "%v", err)}
	}
	heading := regexp.MustCompile(`operations\.md, "([^"]+)"`).FindStringSubmatch(text(a.props["AlarmDescription"]))[1]
	if !regexp.MustCompile(`(?m)^#+ ` + regexp.QuoteMeta(heading) + `$`).Match(book) {
		return []Violation{a.fault("AlarmDescription", "write that part", "operations.md has no heading %q", heading)}
	}
	return nil
}

// lossless holds event sources to partial replies, and to a place where messages
// end that cannot be processed.
func lossless(s *Stack) []Violation {
	var all []Violation
	dead := s.dead()
	for _, e := range s.sources {
		if !slices.Contains(texts(e.props["FunctionResponseTypes"]), "ReportBatchItemFailures") {
			all = append(all, e.fault("FunctionResponseTypes", "set ReportBatchItemFailures, or one failure repeats the whole batch", "does not report single failures"))
		}
		from := s.find(e.from)
		_, last := dead[from.id] // its own alarm tells
		redriven := from.props["RedrivePolicy"] != nil || last
		if from.kind == queueType && !redriven {
			all = append(all, e.fault("Queue", "give the queue a RedrivePolicy", "has no failure destination"))
		}
		destination := s.find(target(at(e.props, "DestinationConfig", "OnFailure", "Destination")))
		if from.kind == tableType && destination.kind != queueType {
			all = append(all, e.fault("DestinationConfig.OnFailure", "name a queue of this template", "is missing"))
		}
		if from.kind == queueType && e.props["FilterCriteria"] != nil {
			all = append(all, e.fault("FilterCriteria", "remove it: what does not match is deleted from the queue", "is set"))
		}
		if from.kind != queueType && from.kind != tableType {
			all = append(all, e.fault("", "name a queue or a table of this template", "reads from nowhere"))
		}
	}
	return all
}

// concurrency keeps pollers of a queue from being throttled, which would cost
// each message receives.
func concurrency(s *Stack) []Violation {
	var all []Violation
	for _, e := range s.sources {
		if s.find(e.from).kind != queueType {
			continue
		}
		f := s.find(e.function)
		most := s.number(at(e.props, "ScalingConfig", "MaximumConcurrency"))
		if most < 2 {
			all = append(all, e.fault("ScalingConfig.MaximumConcurrency", "set 2 or more", "is %d", most))
		}
		reserved, set := f.props["ReservedConcurrentExecutions"]
		switch {
		case !set:
			all = append(all, f.fault("ReservedConcurrentExecutions", "reserve MaximumConcurrency", "is not set"))
		case s.number(reserved) < most || !sameParameter(reserved, at(e.props, "ScalingConfig", "MaximumConcurrency")):
			all = append(all, f.fault("ReservedConcurrentExecutions", "reserve MaximumConcurrency", "can be less than the %d of %s", most, e.id))
		}
	}
	return all
}

// sameParameter reports whether neither or both are the same parameter: else
// they are equal only by default.
func sameParameter(a, b any) bool { return text(at(a, "Ref")) == text(at(b, "Ref")) }

// streams leaves people some of the 24 hours that DynamoDB keeps a change.
func streams(s *Stack) []Violation {
	var all []Violation
	for _, e := range s.sources {
		if s.find(e.from).kind != tableType {
			continue
		}
		if e.props["BisectBatchOnFunctionError"] != true {
			all = append(all, e.fault("BisectBatchOnFunctionError", "set it to true, or one bad change holds up its batch", "is not set"))
		}
		if age := s.number(e.props["MaximumRecordAgeInSeconds"]); age < 3600 || age > 12*3600 {
			all = append(all, e.fault("MaximumRecordAgeInSeconds", "take between one and twelve hours", "is %d", age))
		}
		if tries, set := e.props["MaximumRetryAttempts"]; !set || s.number(tries) < 0 {
			all = append(all, e.fault("MaximumRetryAttempts", "limit it", "is without limit"))
		}
	}
	return all
}

// builds wants each function built from its own folder, whose Makefile has its
// target.
func builds(s *Stack) []Violation {
	var all []Violation
	for _, f := range s.functions {
		folder := "functions/" + kebab(f.id)
		if have := text(f.props["CodeUri"]); have != folder {
			all = append(all, f.fault("CodeUri", "name the folder like the function", "is %q, want %q", have, folder))
		}
		if at(f.all, "Metadata", "BuildMethod") != "makefile" {
			all = append(all, f.fault("Metadata.BuildMethod", "set makefile", "is not makefile"))
		}
		makefile, err := fs.ReadFile(s.tree, path.Join(folder, "Makefile"))
		if err != nil || !regexp.MustCompile(`(?m)^build-`+f.id+`:`).Match(makefile) {
			all = append(all, f.fault("", "write it as the other functions have it", "%s/Makefile has no target build-%s", folder, f.id))
		}
	}
	return all
}

// kebab turns ChangeNumber into change-number.
func kebab(id string) string {
	var b strings.Builder
	for i, r := range id {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// deployments wants each function shifted step by step, and back on its alarms.
func deployments(s *Stack) []Violation {
	var all []Violation
	for _, f := range s.functions {
		if f.props["AutoPublishAlias"] == nil {
			all = append(all, f.fault("AutoPublishAlias", "let Globals decide", "is not set"))
		}
		if f.props["AutoPublishAliasAllProperties"] != true {
			all = append(all, f.fault("AutoPublishAliasAllProperties", "set it to true, or the alias keeps old variables", "is not set"))
		}
		if kind := text(at(f.props, "DeploymentPreference", "Type")); kind == "" || kind == "AllAtOnce" {
			all = append(all, f.fault("DeploymentPreference.Type", "take a canary or linear one", "is %q", kind))
		}
		watched := map[string]bool{}
		for _, a := range list(at(f.props, "DeploymentPreference", "Alarms")) {
			watched[target(a)] = true
		}
		if a, found := s.alarm("AWS/Lambda", "Errors", f.id); !found || !watched[a.id] {
			all = append(all, f.fault("DeploymentPreference.Alarms", "add it", "does not name the function's alarm on errors"))
		}
	}
	return all
}

func tables(s *Stack) []Violation {
	var all []Violation
	for _, t := range s.ofType(tableType) {
		for _, attribute := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
			if t.all[attribute] != "Retain" {
				all = append(all, t.fault(attribute, "set Retain: the table is the record", "is not Retain"))
			}
		}
		for what, have := range map[string]any{
			"PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled": at(t.props, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"),
			"SSESpecification.SSEEnabled":                                 at(t.props, "SSESpecification", "SSEEnabled"),
			"DeletionProtectionEnabled":                                   t.props["DeletionProtectionEnabled"],
			"TimeToLiveSpecification.Enabled":                             at(t.props, "TimeToLiveSpecification", "Enabled"),
		} {
			if have != true {
				all = append(all, t.fault(what, "set it to true", "is %s", fmt.Sprint(have)))
			}
		}
	}
	return all
}
