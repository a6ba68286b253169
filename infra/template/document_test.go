package template

import (
	"reflect"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       any // of the key "a"
	}{
		{"ref", "a: !Ref X", object{"Ref": "X"}},
		{"condition", "a: !Condition X", object{"Condition": "X"}},
		{"attribute", "a: !GetAtt X.Arn", object{"Fn::GetAtt": []any{"X", "Arn"}}},
		{"nested attribute", "a: !GetAtt X.Outputs.Y", object{"Fn::GetAtt": []any{"X", "Outputs.Y"}}},
		{"attribute as a list", "a: !GetAtt [X, Arn]", object{"Fn::GetAtt": []any{"X", "Arn"}}},
		{"text that looks like a number", "a: !Sub 5", object{"Fn::Sub": "5"}},
		{"function in function", "a: !If [C, !Ref X, 1]", object{"Fn::If": []any{"C", object{"Ref": "X"}, 1}}},
		{"function of a mapping", "a: !Transform {Name: N}", object{"Fn::Transform": object{"Name": "N"}}},
		{"date", "a: 2012-10-17", "2012-10-17"},
		{"scalars", "a: [1, 1.5, true, x, null, '1']", []any{1, 1.5, true, "x", nil, "1"}},
		{"json", `{"a": {"Fn::GetAtt": ["X", "Arn"]}}`, object{"Fn::GetAtt": []any{"X", "Arn"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got["a"], c.want) {
				t.Errorf("got %#v, want %#v", got["a"], c.want)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "read template"},
		{"a list", "[a]", "not a mapping"},
		{"a key given twice", "a: 1\nb: {c: 1, c: 2}", "line 2: c is given twice"},
		{"an unknown function", "a: !GetAttr X.Y", "!GetAttr is not a function"},
		{"an alias", "a: &x 1\nb: *x", "anchors"},
		{"no YAML", "a: [", "read template"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := read(strings.NewReader(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	for _, s := range []string{
		"Resources: {Q: {Type: AWS::SQS::Queue, Properties: {RedrivePolicy: !Ref Q}}}",
		"Globals: {Function: 1}\nResources: {F: {Type: AWS::Serverless::Function, Properties: {Events: {E: {Type: SQS}}}}}",
		"Resources: {M: {Type: AWS::Lambda::EventSourceMapping, Properties: []}}", "Resources: []", "a: !GetAtt x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		stack, err := Load(strings.NewReader(s), noTree{})
		if err == nil {
			Check(stack) // must end, whatever is in it
		}
	})
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"rate(1 minute)", "rate(5 minutes)", "rate(2 days)", "cron(0/15 * * * ? *)", "cron(0 9 ? * MON-FRI *)", "cron(0 0 L * ? 2027)", "at(2027-01-01T00:00:00)",
	} {
		if problem := badSchedule(good); problem != "" {
			t.Errorf("%s: %s", good, problem)
		}
	}
	for _, bad := range []string{
		"", "5 minutes", "rate(5 minute)", "rate(1 minutes)", "rate(0 minutes)", "rate(5 seconds)", "rate(-1 hours)", "cron(0 9 * * MON *)",
		"cron(0 9 * * ?)", "cron(0 9 ? * ? *)", "cron(x 9 * * ? *)", "at(2027-01-01)", "every(5 minutes)",
	} {
		if badSchedule(bad) == "" {
			t.Errorf("%s passes", bad)
		}
	}
}
