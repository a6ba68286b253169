package template

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// folder is where a function's code is. The transform replaces CodeUri, so it is
// found by name.
func (f function) folder() string { return "functions/" + kebab(f.id) }

// variables compares the variables that a function is given with those that its
// code reads.
func variables(s *Stack) []Violation {
	var all []Violation
	for _, f := range s.functions {
		if _, err := fs.Stat(s.tree, f.folder()+"/main.go"); err != nil {
			continue // there is nothing to deploy yet: the build says so
		}
		read := s.readBy(f)
		given := mappingAt(f.props, "Environment", "Variables")
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if !read[name] {
				all = append(all, f.fault("Environment."+name, "remove it", "is not read by %s", f.folder()))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(read)) {
			if given[name] == nil && !fromLambda(name) {
				all = append(all, f.fault("Environment."+name, "add it", "is read by %s and not given", f.folder()))
			}
		}
	}
	return all
}

// fromLambda reports whether a variable is set by Lambda or for tests, not by a
// template.
func fromLambda(name string) bool {
	return strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "_") || name == "DIALTONE_ALLOW_HTTP"
}

// readBy returns the variables that a function's code reads, and that of the
// packages of this tree that it is made of.
func (s *Stack) readBy(f function) map[string]bool {
	read := map[string]bool{}
	for _, folder := range s.reached(f.folder()) {
		for _, file := range s.parse(folder) {
			ast.Inspect(file, func(n ast.Node) bool {
				if name, ok := variable(n); ok {
					read[name] = true
				}
				return true
			})
		}
	}
	return read
}

// variable returns the variable that a call of env.Reader, or of package os,
// reads.
func variable(n ast.Node) (name string, ok bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return "", false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !regexp.MustCompile(`^((String|URL|Int|Float|Duration|OneOf|Bool|Days|DaysByID)(Or)?|Getenv|LookupEnv)$`).MatchString(method.Sel.Name) {
		return "", false
	}
	name, ok = literal(call.Args[0])
	return name, ok && regexp.MustCompile(`^_?[A-Z][A-Z0-9_]+$`).MatchString(name)
}

// reached returns the folders of the packages that the one in folder imports,
// directly or not, and folder itself.
func (s *Stack) reached(folder string) []string {
	found := []string{folder}
	for i := 0; i < len(found); i++ {
		for _, file := range s.parse(found[i]) {
			for _, spec := range file.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				next, ours := strings.CutPrefix(imported, "dialtone/")
				if err == nil && ours && !slices.Contains(found, next) {
					found = append(found, next)
				}
			}
		}
	}
	return found
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}

// parse returns the Go files of a folder, without tests.
func (s *Stack) parse(folder string) []*ast.File {
	var files []*ast.File
	names, _ := fs.Glob(s.tree, folder+"/*.go") // none in a folder that is not there
	for _, name := range names {
		src, err := fs.ReadFile(s.tree, name)
		if err != nil || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution); err == nil {
			files = append(files, file)
		}
	}
	return files
}

// metricFilters looks for the log message of each filter in the code of the
// function whose log it reads: a filter on words that nobody logs counts nothing,
// and nobody notices.
func metricFilters(s *Stack) []Violation {
	var all []Violation
	for _, m := range s.ofType("AWS::Logs::MetricFilter") {
		words := regexp.MustCompile(`\$\.message = "([^"]+)"`).FindStringSubmatch(text(m.props["FilterPattern"]))
		if words == nil {
			all = append(all, m.fault("FilterPattern", `filter on { $.message = "..." }`, "names no message"))
			continue
		}
		for _, f := range s.functions {
			if target(at(f.props, "LoggingConfig", "LogGroup")) == target(m.props["LogGroupName"]) && !s.says(f, words[1]) {
				all = append(all, m.fault("FilterPattern", "use the words of a log line", "%s logs no %q", f.folder(), words[1]))
			}
		}
	}
	return all
}

// says reports whether a text stands in the code of a function.
func (s *Stack) says(f function, words string) bool {
	found := false
	for _, folder := range s.reached(f.folder()) {
		for _, file := range s.parse(folder) {
			ast.Inspect(file, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					got, is := literal(e)
					found = found || is && got == words
				}
				return !found
			})
		}
	}
	return found
}
