package rules_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"dialtone/infra/rules"
)

// TestTree holds the tree to its rules.
func TestTree(t *testing.T) {
	t.Parallel()
	tree, err := rules.Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules.All() {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			for _, v := range r.Check(tree) {
				t.Error(v)
			}
		})
	}
}

// violations loads the files and returns what all rules say of them.
func violations(t *testing.T, files map[string]string) []string {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, body := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(body)}
	}
	tree, err := rules.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range rules.All() {
		for _, v := range r.Check(tree) {
			all = append(all, v.String())
		}
	}
	return all
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, pkg, imports string
		refused            bool
	}{
		{"functions/a/main.go", "main", "dialtone/shared/env", false},
		{"functions/a/main.go", "main", "dialtone/functions/a/handler", false},
		{"functions/a/main.go", "main", "github.com/aws/aws-lambda-go/lambda", false},
		{"functions/a/main.go", "main", "dialtone/functions/b/handler", true},
		{"functions/a/main.go", "main", "dialtone/infra/local", true},
		{"functions/a/h/h_test.go", "h_test", "dialtone/infra/sim/ucwasim", false},
		{"functions/a/h/h_test.go", "h", "dialtone/infra/sim/ucwasim", true},
		{"infra/local/x.go", "local", "dialtone/functions/a/handler", false},
		{"infra/local/x.go", "local", "dialtone/shared/ucwa", false},
		{"infra/local/x.go", "local", "github.com/aws/aws-lambda-go/events", false},
		{"infra/local/x.go", "local", "github.com/aws/aws-lambda-go/lambda", true},
		{"infra/local/x.go", "local", "github.com/aws/aws-lambda-go/lambdacontext", false},
		{"shared/a/x.go", "a", "github.com/aws/aws-lambda-go/lambdacontext", true},
		{"infra/local/x_test.go", "local", "github.com/aws/aws-lambda-go/lambda", false},
		{"infra/sim/ucwasim/x.go", "ucwasim", "dialtone/infra/sim/simkit", false},
		{"infra/sim/ucwasim/x.go", "ucwasim", "dialtone/shared/e164", true},
		{"infra/sim/ucwasim/x_test.go", "ucwasim_test", "dialtone/shared/ucwa", true},
		{"shared/ucwa/x.go", "ucwa", "dialtone/shared/httpretry", false},
		{"shared/ucwa/x.go", "ucwa", "dialtone/events/schema", false},
		{"shared/ucwa/x.go", "ucwa", "dialtone/shared/webex", true},
		{"shared/ucwa/x_test.go", "ucwa_test", "dialtone/shared/ledger/sqlite", true},
		{"shared/ledger/sqlite/x.go", "sqlite", "dialtone/shared/ledger", false},
		{"shared/ledger/sqlite/x.go", "sqlite", "dialtone/shared/ucwa", true},
		{"shared/ledgers/x.go", "ledgers", "dialtone/shared/ucwa", false},
		{"shared/ucwa/x.go", "ucwa", "dialtone/infra/sim/ucwasim", true},
		{"shared/ucwa/x_test.go", "ucwa", "dialtone/infra/sim/ucwasim", true},
		{"shared/ucwa/x_test.go", "ucwa_test", "dialtone/infra/sim/ucwasim", false},
		{"shared/ucwa/x_test.go", "ucwa_test", "dialtone/infra/local", true},
		{"shared/ucwa/x.go", "ucwa", "dialtone/functions/a/handler", true},
		{"events/schema/x.go", "schema", "dialtone/shared/e164", true},
		{"events/schema/x_test.go", "schema_test", "dialtone/shared/command", false},
		{"events/schema/x_test.go", "schema_test", "dialtone/infra/local", true},
		{"events/schema/x.go", "schema", "embed", false},
	} {
		got := violations(t, map[string]string{c.file: "// Package x is documented.\npackage " + c.pkg + "\n\nimport _ \"" + c.imports + "\"\n"})
		if refused := len(got) > 0; refused != c.refused {
			t.Errorf("%s (package %s) imports %s: refused %t, want %t %q", c.file, c.pkg, c.imports, refused, c.refused, got)
		}
		if c.refused && len(got) == 1 && !strings.HasPrefix(got[0], c.file+":4: ") {
			t.Errorf("%q names the wrong place", got[0])
		}
	}
}

func TestCodeRules(t *testing.T) {
	t.Parallel()
	mark := "TO" + "DO" // the rules read this file, too
	for _, c := range []struct {
		name, file, body string
		want             []string // parts of the violations, in order
	}{
		{"fine", "x.go", "// F does.\nfunc F() {}\n", nil},
		{"does not parse", "x.go", "func {", []string{"shared/a/x.go:1: does not parse"}},
		{"init", "x.go", "func init() {}", []string{"x.go:4: init runs"}},
		{"method named init", "x.go", "type t struct{}\nfunc (t) init() {}", nil},
		{"undocumented function", "x.go", "func F() {}", []string{"F is exported"}},
		{"undocumented in a test", "x_test.go", "func F() {}", nil},
		{"undocumented method", "x.go", "// T is.\ntype T[X any] struct{}\nfunc (*T[X]) M() {}", []string{"x.go:6: M is exported"}},
		{"method of unexported type", "x.go", "type t struct{}\nfunc (t) M() {}", nil},
		{"group comment", "x.go", "// Both.\nconst (\nA = 1\nB = 2\n)", nil},
		{"line comment", "x.go", "const (\nA = 1 // one\nB = 2\n)", []string{"x.go:6: B is exported"}},
		{"undocumented interface method", "x.go", "// T is.\ntype T interface {\nM()\nerror\n}", []string{"M is exported"}},
		{"only method of an interface", "x.go", "// T is.\ntype T interface{ M() }", nil},
		{"long function", "x.go", "func f() {" + strings.Repeat("\n", 81) + "}", []string{"f has 82 lines"}},
		{"long function of a test", "x_test.go", "func f() {" + strings.Repeat("\n", 81) + "}", nil},
		{"long file", "x_test.go", strings.Repeat("\n", 600), []string{"file has 603 lines"}},
		{"unfinished", "x.go", "// " + mark + ": more", []string{"x.go:4: " + mark}},
		{"unfinished context", "x.go", "var _ = context." + mark + "()", []string{mark}},
		{"word that has the mark", "x.go", "// " + mark + "S", nil},

		{"constant table", "x.go", "var t = map[string]int{\"a\": 1}\nfunc f() int { return t[\"a\"] }", nil},
		{"error and assertion", "x.go", "var errX = errors.New(\"x\")\nvar _ error = nil", nil},
		{"lazy value", "x.go", "var t = sync.OnceValue(func() int { return 1 })", nil},
		{"embedded file", "x.go", "//go:embed x\nvar f string", nil},
		{"no value", "x.go", "var t int", []string{"variable t has no value"}},
		{"of a test", "x_test.go", "var t int", nil},
		{"empty map", "x.go", "var t = map[int]int{}", []string{"made to change"}},
		{"made", "x.go", "var t = make(chan int)", []string{"made to change"}},
		{"mutex", "x.go", "var t = &sync.Mutex{}", []string{"made to change"}},
		{"atomic", "x.go", "var t = new(atomic.Pointer[int])", []string{"made to change"}},
		{"assigned", "x.go", "var t = 1\nfunc f() { t = 2 }", []string{"x.go:5: package variable t is written"}},
		{"counted", "x.go", "var t = 1\nfunc f() { t++ }", []string{"t is written"}},
		{"field", "x.go", "var t = s{}\nfunc f() { t.a.b = 2 }\ntype s struct{ a struct{ b int } }", []string{"t is written"}},
		{"element", "x.go", "var t = []int{1}\nfunc f() { (t)[0] = 2 }", []string{"t is written"}},
		{"deleted", "x.go", "var t = map[int]int{1: 1}\nfunc f() { delete(t, 1) }", []string{"t is written"}},
		{"ranged over into", "x.go", "var t = 1\nfunc f() { for t = range 3 {} }", []string{"t is written"}},
		{"shadowed", "x.go", "var t = 1\nfunc f(t int) { t = 2; t++ }\nfunc g() { t := 1; t = 2 }", nil},
		{"of another package", "x.go", "import \"net/http\"\nfunc f() { http.DefaultClient = nil }", []string{"http.DefaultClient of another package"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := violations(t, map[string]string{"shared/a/" + c.file: "// Package a is documented.\npackage a\n\n" + c.body})
			fits := slices.EqualFunc(got, c.want, strings.Contains)
			if !fits {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestPackageRules(t *testing.T) {
	t.Parallel()
	long := "// Main wires.\npackage main\n" + strings.Repeat("\n", 59)
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"nothing there", nil, nil},
		{"no package comment", map[string]string{"shared/a/a.go": "package a", "shared/a/b.go": "package a"}, []string{"shared/a/a.go:1: package a has no comment"}},
		{"comment in one file", map[string]string{"shared/a/a.go": "package a", "shared/a/b.go": "// Package a is.\npackage a"}, nil},
		{"named by kind", map[string]string{"shared/util/a.go": "// Package util is.\npackage util"}, []string{"package util is named by kind"}},
		{"test named by kind", map[string]string{"shared/a/a_test.go": "package helpers_test"}, []string{"package helpers"}},
		{"long main", map[string]string{"functions/a/main.go": long}, []string{"main has 61 lines"}},
		{"long file beside main", map[string]string{"functions/a/handler.go": long}, nil},
		{"left out", map[string]string{
			"build/a.go": "x", ".git/a.go": "x", "shared/a/testdata/a.go": "x", "shared/a/vendor/a.go": "x",
		}, nil},
		{"generated", map[string]string{"shared/a/a.go": "// Code generated by x. DO NOT EDIT.\n\npackage a\n\nfunc F() {}\nvar t int"}, nil},
		{"variable of another file", map[string]string{
			"shared/a/a.go": "// Package a is.\npackage a\nvar t = 1", "shared/a/b.go": "package a\nfunc f() { t = 2 }",
		}, []string{"shared/a/b.go:2: package variable t is written"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := violations(t, c.files); !slices.EqualFunc(got, c.want, strings.Contains) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestRegistries(t *testing.T) {
	t.Parallel()
	dot := "." // keeps the names out of this file
	for line, named := range map[string]bool{
		"FROM docker" + dot + "io/library/go":          true,
		"image: ghcr" + dot + "io/x/y":                 true,
		"go env -w GOPROXY" + "=https://x":             true,
		"https://proxy" + dot + "golang" + dot + "org": true,
		"registry" + dot + "npmjs" + dot + "org":       true,
		"pypi" + dot + "org":                           true,
		"public" + dot + "ecr" + dot + "aws/lambda":    true,
		"1.dkr" + dot + "ecr" + dot + "x":              true,
		"GOPROXY=off":                                  false,
		"https://webexapis.com/v1":                     false,
		"registry.local.lookup()":                      false,
		"github.com/spf13/cobra v1.10.2":               false,
	} {
		if got := violations(t, map[string]string{"Makefile": "all:\n\t" + line + "\n"}); (len(got) > 0) != named {
			t.Errorf("%q: got %q", line, got)
		} else if named && !strings.HasPrefix(got[0], "Makefile:2: ") {
			t.Errorf("%q names the wrong place", got[0])
		}
	}
}
