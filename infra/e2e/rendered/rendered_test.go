package rendered_test

import (
	"strings"
	"testing"

	"dialtone/infra/e2e/rendered"
)

const template = `{
 "Parameters": {
  "Workers": {"Type": "Number", "Default": 4},
  "Rate": {"Type": "Number", "Default": 1.5},
  "Subnets": {"Type": "CommaDelimitedList", "Default": ""}
 },
 "Conditions": {"Inside": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "Subnets"}]}, ""]}]}},
 "Resources": {
  "Letters": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${AWS::StackName}-dlq"}, "VisibilityTimeout": 30}},
  "Queue": {"Type": "AWS::SQS::Queue", "Properties": {
   "QueueName": {"Fn::Sub": "${AWS::StackName}-q"},
   "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Letters", "Arn"]}, "maxReceiveCount": "9"}}},
  "Work": {"Type": "AWS::Lambda::Function", "Properties": {
   "FunctionName": "work", "Timeout": 60,
   "ReservedConcurrentExecutions": {"Ref": "Workers"},
   "VpcConfig": {"Fn::If": ["Inside", {"SubnetIds": {"Ref": "Subnets"}}, {"Ref": "AWS::NoValue"}]},
   "Environment": {"Variables": {"QUEUE_URL": {"Ref": "Queue"}, "RATE": {"Ref": "Rate"}}}}},
  "Odd": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "odd", "KmsMasterKeyId": "k"}},
  "Far": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::ImportValue": "x"}}}
 }}`

func read(t *testing.T, values map[string]string) *rendered.Template {
	t.Helper()
	template, err := rendered.Read(strings.NewReader(template), values)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func TestProperties(t *testing.T) {
	t.Parallel()
	r := read(t, map[string]string{"AWS::StackName": "s", "Rate": "20"})
	var q rendered.Queue
	if err := r.Properties("Queue", &q); err == nil || !strings.Contains(err.Error(), "Letters.Arn") {
		t.Errorf("a queue before its dead-letter queue: %v", err)
	}
	r.Exists("Letters", "http://sqs/dlq", map[string]string{"Arn": "arn:dlq"})
	if err := r.Properties("Queue", &q); err != nil || q.QueueName != "s-q" || q.RedrivePolicy.DeadLetterTargetArn != "arn:dlq" || q.RedrivePolicy.MaxReceiveCount != 9 {
		t.Errorf("got %+v, %v", q, err)
	}
	r.Exists("Queue", "http://sqs/q", nil)
	if err := r.Override("Work", "Timeout", 12); err != nil {
		t.Fatal(err)
	}
	var f rendered.Function
	if err := r.Properties("Work", &f); err != nil {
		t.Fatal(err)
	}
	if v := f.Environment.Variables; f.Timeout != 12 || f.ReservedConcurrentExecutions != 4 || f.VpcConfig != nil || v["QUEUE_URL"] != "http://sqs/q" || v["RATE"] != "20" {
		t.Errorf("got %+v", f)
	}
}

func TestCondition(t *testing.T) {
	t.Parallel()
	r := read(t, map[string]string{"Subnets": "subnet-1"})
	r.Exists("Queue", "q", nil)
	var f rendered.Function
	if err := r.Properties("Work", &f); err != nil || !strings.Contains(string(f.VpcConfig), "subnet-1") {
		t.Errorf("VpcConfig is %s, %v", f.VpcConfig, err)
	}
}

// What is not understood is refused, not left out.
func TestRefused(t *testing.T) {
	t.Parallel()
	r := read(t, nil)
	for id, want := range map[string]string{"Odd": "KmsMasterKeyId", "Far": "Fn::ImportValue", "Letters": "AWS::StackName", "Nobody": "no such resource"} {
		if err := r.Properties(id, &rendered.Queue{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", id, err, want)
		}
	}
	if err := r.Override("Work", "Timeuot", 1); err == nil {
		t.Error("a property that the template does not set was overridden")
	}
	for _, c := range []struct {
		text   string
		values map[string]string
	}{{template, map[string]string{"Wrokers": "1"}}, {`{}`, nil}, {`{`, nil}} {
		if _, err := rendered.Read(strings.NewReader(c.text), c.values); err == nil {
			t.Errorf("%.10q with %v was read", c.text, c.values)
		}
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	if got := strings.Join(read(t, nil).Of(rendered.TypeQueue), " "); got != "Far Letters Odd Queue" {
		t.Errorf("queues are %s", got)
	}
}
