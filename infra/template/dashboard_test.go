package template

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// update is read once flags are parsed.
var update = flag.Bool("update", false, "write the dashboard into the template")

const (
	dashboardFile = rootFolder + "/infra/dashboards/operations.json"
	bodyProperty  = "      DashboardBody: !Sub |\n"
	bodyIndent    = "        "
)

// TestDashboard compares the dashboard in the template with its file, which is
// the one to edit; -update writes the file into the template.
func TestDashboard(t *testing.T) {
	file, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		writeDashboard(t, string(file))
	}
	body := text(at(load(t, templateFile).find("Dashboard").props, "DashboardBody", "Fn::Sub"))
	var want, got any
	if err := json.Unmarshal(file, &want); err != nil {
		t.Fatalf("%s: %v", dashboardFile, err)
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("DashboardBody: %v", err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("DashboardBody is not infra/dashboards/operations.json: go test ./infra/template -run Dashboard -update")
	}
}

// writeDashboard replaces the text block in the template.
func writeDashboard(t *testing.T, body string) {
	t.Helper()
	all, err := os.ReadFile(templateFile)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(all), bodyProperty)
	if !found {
		t.Fatalf("the template has no %q", bodyProperty)
	}
	for strings.HasPrefix(after, bodyIndent) {
		_, after, _ = strings.Cut(after, "\n")
	}
	var block strings.Builder
	for line := range strings.Lines(body) {
		block.WriteString(bodyIndent + line)
	}
	if err := os.WriteFile(templateFile, []byte(before+bodyProperty+block.String()+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDashboardShowsEverything looks for each alarm, function and queue on the
// dashboard, and for metrics that the template does not make.
func TestDashboardShowsEverything(t *testing.T) {
	t.Parallel()
	s := load(t, templateFile)
	body := text(at(s.find("Dashboard").props, "DashboardBody", "Fn::Sub"))
	for _, r := range s.resources {
		shown := map[string]string{alarmType: r.id + ".Arn", samFunction: r.id, queueType: r.id + ".QueueName", tableType: r.id}[r.kind]
		if shown != "" && !strings.Contains(body, "${"+shown+"}") {
			t.Errorf("the dashboard does not show %s", r.id)
		}
	}
	made := map[string]bool{}
	for _, f := range s.ofType("AWS::Logs::MetricFilter") {
		made[text(at(list(f.props["MetricTransformations"])[0], "MetricName"))] = true
	}
	for _, m := range regexp.MustCompile(`"dialtone/\$\{AWS::StackName\}", "(\w+)"`).FindAllStringSubmatch(body, -1) {
		if !made[m[1]] {
			t.Errorf("the dashboard shows %s, which no metric filter makes", m[1])
		}
	}
}

// TestAlarmsOnOwnMetrics looks for alarms on metrics of ours that nothing makes.
func TestAlarmsOnOwnMetrics(t *testing.T) {
	t.Parallel()
	s := load(t, templateFile)
	made := map[string]bool{}
	for _, f := range s.ofType("AWS::Logs::MetricFilter") {
		m := list(f.props["MetricTransformations"])[0]
		made[text(at(m, "MetricNamespace", "Fn::Sub"))+" "+text(at(m, "MetricName"))] = true
	}
	for _, a := range s.ofType(alarmType) {
		own := text(at(a.props, "Namespace", "Fn::Sub"))
		if name := own + " " + text(a.props["MetricName"]); own != "" && !made[name] {
			t.Errorf("%s is on %s, which no metric filter makes", a.id, name)
		}
	}
}
