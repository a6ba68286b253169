package template

import (
	"slices"
	"strings"
)

// unscoped are the actions that IAM lets nobody narrow to a resource (AWS Service
// Authorization Reference: "AWS X-Ray", "Amazon EC2").
func unscoped() []string {
	return []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords", "ec2:DescribeSubnets"}
}

// statement is one of a role's policies.
type statement struct {
	allow     bool
	actions   []string
	resources []any
}

// statements returns all of a role's, also those under a condition.
func (s *Stack) statements(role resource) []statement {
	policies := list(role.props["Policies"])
	for _, p := range s.ofType("AWS::IAM::RolePolicy") {
		if target(p.props["RoleName"]) == role.id {
			policies = append(policies, p.props)
		}
	}
	var all []statement
	for _, p := range policies {
		for _, st := range branches(at(p, "PolicyDocument", "Statement")) {
			all = append(all, statement{
				allow: at(st, "Effect") == "Allow", actions: texts(branches(at(st, "Action"))), resources: branches(at(st, "Resource")),
			})
		}
	}
	return all
}

// branches reads what may be one value, several, or different ones by condition:
// all of them.
func branches(v any) []any {
	var all []any
	for _, e := range list(v) {
		cases := list(at(e, "Fn::If"))
		switch {
		case len(cases) == 3:
			all = append(all, branches(cases[1])...)
			all = append(all, branches(cases[2])...)
		case at(e, "Ref") != "AWS::NoValue":
			all = append(all, e)
		}
	}
	return all
}

func ownRoles(s *Stack) []Violation {
	var all []Violation
	taken := map[string]string{}
	for _, f := range s.functions {
		role := s.find(target(f.props["Role"]))
		if role.kind != "AWS::IAM::Role" {
			all = append(all, f.fault("Role", "name a role of this template: the one that SAM makes allows logs of any name", "is none"))
			continue
		}
		if other := taken[role.id]; other != "" {
			all = append(all, f.fault("Role", "give each function its own", "is that of %s", other))
		}
		taken[role.id] = f.id
		for _, p := range s.ofType("AWS::IAM::RolePolicy") {
			if target(p.props["RoleName"]) == role.id {
				all = append(all, p.fault("", "write it into the role, with Fn::If where it depends", "is a resource of its own, and %s can run before it is there", f.id))
			}
		}
		for _, st := range list(at(role.props, "AssumeRolePolicyDocument", "Statement")) {
			if by := texts(at(st, "Principal", "Service")); !slices.Equal(by, []string{"lambda.amazonaws.com"}) {
				all = append(all, role.fault("AssumeRolePolicyDocument", "let Lambda alone take the role", "is for %v", at(st, "Principal")))
			}
		}
	}
	return all
}

// narrow wants actions by name and resources by name. The one pattern that may
// stand for many is the end of a secret's name: which users there are is not
// known here.
func narrow(s *Stack) []Violation {
	var all []Violation
	for _, role := range s.ofType("AWS::IAM::Role") {
		for _, st := range s.statements(role) {
			for _, a := range st.actions {
				if strings.Contains(a, "*") {
					all = append(all, role.fault("Policies", "name the actions", "allows %s", a))
				}
			}
			for _, r := range st.resources {
				if wild(r) && !onlyOf(st.actions, unscoped()) && !secretsByName(r, st.actions) {
					all = append(all, role.fault("Policies", "name the resources", "allows %s on %v", strings.Join(st.actions, ", "), r))
				}
			}
			if !st.allow || len(st.resources) == 0 || len(st.actions) == 0 {
				all = append(all, role.fault("Policies", "write Effect: Allow, Action and Resource", "has a statement of another form"))
			}
		}
		for _, m := range managed(role) {
			if !unavoidable(m) {
				all = append(all, role.fault("ManagedPolicyArns", "write what is needed into the role", "has %v", m))
			}
		}
	}
	return all
}

// onlyOf reports whether every one of have is among may.
func onlyOf(have, may []string) bool {
	return !slices.ContainsFunc(have, func(a string) bool { return !slices.Contains(may, a) })
}

func wild(resource any) bool {
	return strings.ContainsAny(text(resource), "*?") || strings.ContainsAny(text(at(resource, "Fn::Sub")), "*?")
}

// secretsByName reports whether a pattern names secrets by a parameter at least.
func secretsByName(resource any, actions []string) bool {
	if slices.ContainsFunc(actions, func(a string) bool { return !strings.HasPrefix(a, "secretsmanager:") }) {
		return false
	}
	name := text(at(resource, "Fn::Sub"))
	name, found := strings.CutPrefix(name, "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${")
	return found && (strings.HasSuffix(name, "}*") || strings.HasSuffix(name, "}-??????"))
}

// managed returns the managed policies of a role, also those under a condition.
func managed(role resource) []any { return branches(role.props["ManagedPolicyArns"]) }

// unavoidable reports whether a managed policy is one of two whose actions know
// no resources: that for functions in a VPC, and the narrower of AWS's two for
// CodeDeploy with Lambda.
func unavoidable(arn any) bool {
	_, name, _ := strings.Cut(text(at(arn, "Fn::Sub")), ":policy/service-role/")
	return name == "AWSLambdaENIManagementAccess" || name == "AWSCodeDeployRoleForLambdaLimited"
}

// sufficient wants each role to allow what its event sources do on its behalf.
func sufficient(s *Stack) []Violation {
	needs := map[string][]string{
		queueType: {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
		tableType: {"dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"},
	}
	var all []Violation
	for _, e := range s.sources {
		role := s.find(target(s.find(e.function).props["Role"]))
		for _, action := range needs[s.find(e.from).kind] {
			if !s.allows(role, action, e.from) {
				all = append(all, role.fault("Policies", "add it", "does not allow %s on %s", action, e.from))
			}
		}
		if d := target(at(e.props, "DestinationConfig", "OnFailure", "Destination")); d != "" && !s.allows(role, "sqs:SendMessage", d) {
			all = append(all, role.fault("Policies", "add it", "does not allow sqs:SendMessage on %s", d))
		}
	}
	for _, f := range s.functions {
		role, group := s.find(target(f.props["Role"])), target(at(f.props, "LoggingConfig", "LogGroup"))
		if !s.allows(role, "logs:PutLogEvents", group) || !s.allows(role, "logs:CreateLogStream", group) {
			all = append(all, role.fault("Policies", "add logs:CreateLogStream and logs:PutLogEvents", "does not let %s write to %s", f.id, group))
		}
	}
	return all
}

func (s *Stack) allows(role resource, action, on string) bool {
	return slices.ContainsFunc(s.statements(role), func(st statement) bool {
		return st.allow && slices.Contains(st.actions, action) &&
			slices.ContainsFunc(st.resources, func(r any) bool { return target(r) == on })
	})
}
