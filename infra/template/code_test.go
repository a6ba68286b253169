package template

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestVariables(t *testing.T) {
	t.Parallel()
	const template = `
Resources:
  ChangeNumber:
    Type: AWS::Serverless::Function
    Properties: {Environment: {Variables: {DIALTONE_TABLE: t, WEBEX_RATE: 1}}}
`
	for _, c := range []struct{ name, file, code, want string }{
		{"all of them", "main.go", `r.String("DIALTONE_TABLE"); r.FloatOr("WEBEX_RATE", 1.5, 0, 1)`, ""},
		{"in another file", "wiring.go", `r.String("DIALTONE_TABLE"); r.String("WEBEX_RATE")`, ""},
		{"one too many", "main.go", `r.String("DIALTONE_TABLE")`, "ChangeNumber.Environment.WEBEX_RATE: is not read"},
		{"one too few", "main.go", `r.String("DIALTONE_TABLE"); r.String("WEBEX_RATE"); os.Getenv("DIALTONE_BUS")`, "DIALTONE_BUS: is read"},
		{"in a package of the tree", "main.go", `r.String("DIALTONE_TABLE"); rate.Read(r)`, ""},
		{"of a test", "main_test.go", `r.String("DIALTONE_TABLE"); r.String("WEBEX_RATE")`, "is not read"},
		{"of Lambda", "main.go", `r.String("DIALTONE_TABLE"); r.String("WEBEX_RATE"); os.Getenv("AWS_REGION")`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			imports := ""
			if strings.Contains(c.code, "rate.") {
				imports = "import \"dialtone/shared/rate\"\n"
			}
			tree := fstest.MapFS{
				"functions/change-number/main.go":   {Data: []byte("package main\nfunc main() {}")},
				"shared/rate/rate.go":               {Data: []byte("package rate\nfunc Read(r *env.Reader) { r.Float(\"WEBEX_RATE\") }")},
				"functions/change-number/" + c.file: {Data: []byte("package main\n" + imports + "func main() { " + c.code + " }")},
			}
			s, err := Load(strings.NewReader(template), tree)
			if err != nil {
				t.Fatal(err)
			}
			got := variables(s)
			if c.want == "" && len(got) > 0 {
				t.Errorf("got %v, want none", got)
			}
			if c.want != "" && (len(got) == 0 || !strings.Contains(got[0].String(), c.want)) {
				t.Errorf("got %v, want %q", got, c.want)
			}
		})
	}
}

func TestKebab(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"ChangeNumber": "change-number", "A": "a", "ReceiveHrEvent": "receive-hr-event"} {
		if got := kebab(id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}
