package template

import (
	"slices"
	"strings"
)

// unscoped are the actions that IAM lets nobody narrow to a resource (AWS Service
// Authorization Reference: "AWS X-Ray").
func unscoped() []string { return []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords"} }

// statement is one of a role's policies.
type statement struct {
	allow     bool
	actions   []string
	resources []any
}

// statements returns all of a role's, also those under a condition.
func statements(role resource) []statement {
	var all []statement
	for _, p := range list(role.props["Policies"]) {
		if branches := list(at(p, "Fn::If")); len(branches) == 3 {
			p = branches[1]
		}
		for _, st := range list(at(p, "PolicyDocument", "Statement")) {
			all = append(all, statement{
				allow: at(st, "Effect") == "Allow", actions: texts(at(st, "Action")), resources: list(at(st, "Resource")),
			})
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
		for _, st := range statements(role) {
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
		for _, m := range list(role.props["ManagedPolicyArns"]) {
			if !forNetworkInterfaces(m) && !forDeployments(m) {
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

// forNetworkInterfaces reports whether a managed policy is the one that lets
// Lambda attach functions to a VPC: those actions know no resources, and it is
// there only in a VPC.
func forNetworkInterfaces(m any) bool {
	branches := list(at(m, "Fn::If"))
	return len(branches) == 3 && strings.HasSuffix(text(at(branches[1], "Fn::Sub")), ":policy/service-role/AWSLambdaENIManagementAccess")
}

// forDeployments reports whether a managed policy is the narrower of the two
// that AWS keeps for CodeDeploy with Lambda.
func forDeployments(m any) bool {
	return strings.HasSuffix(text(at(m, "Fn::Sub")), ":policy/service-role/AWSCodeDeployRoleForLambdaLimited")
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
			if !allows(role, action, e.from) {
				all = append(all, role.fault("Policies", "add it", "does not allow %s on %s", action, e.from))
			}
		}
		if d := target(at(e.props, "DestinationConfig", "OnFailure", "Destination")); d != "" && !allows(role, "sqs:SendMessage", d) {
			all = append(all, role.fault("Policies", "add it", "does not allow sqs:SendMessage on %s", d))
		}
	}
	for _, f := range s.functions {
		role, group := s.find(target(f.props["Role"])), target(at(f.props, "LoggingConfig", "LogGroup"))
		if !allows(role, "logs:PutLogEvents", group) || !allows(role, "logs:CreateLogStream", group) {
			all = append(all, role.fault("Policies", "add logs:CreateLogStream and logs:PutLogEvents", "does not let %s write to %s", f.id, group))
		}
	}
	return all
}

func allows(role resource, action, on string) bool {
	return slices.ContainsFunc(statements(role), func(st statement) bool {
		return st.allow && slices.Contains(st.actions, action) &&
			slices.ContainsFunc(st.resources, func(r any) bool { return target(r) == on })
	})
}
