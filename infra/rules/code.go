package rules

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

func packageNames(t *Tree) []Violation {
	var all []Violation
	for _, s := range t.source {
		name := strings.TrimSuffix(s.ast.Name.Name, "_test")
		switch name {
		case "util", "utils", "common", "types", "helper", "helpers", "misc", "base":
			all = append(all, t.at(s.ast.Name, fmt.Sprintf("package %s is named by kind", name),
				"name it for what it gives its caller, or move the code to where it is used"))
		}
	}
	return all
}

func inits(t *Tree) []Violation {
	var all []Violation
	for _, s := range t.source {
		for f := range functionsOf(s) {
			if f.Recv == nil && f.Name.Name == "init" {
				all = append(all, t.at(f, "init runs before main can decide", "call it from main, or make the value where it is used"))
			}
		}
	}
	return all
}

// Limits, in lines.
const (
	maxMain     = 60
	maxFunction = 80
	maxFile     = 600
)

func sizes(t *Tree) []Violation {
	var all []Violation
	for _, s := range t.source {
		if s.generated {
			continue
		}
		if s.lines > maxFile {
			all = append(all, Violation{s.path, maxFile, fmt.Sprintf("file has %d lines, at most %d", s.lines, maxFile), "split it by what its parts are about"})
		}
		if isFunctionMain(s.path) && s.lines > maxMain {
			all = append(all, Violation{s.path, maxMain, fmt.Sprintf("main has %d lines, at most %d", s.lines, maxMain), "move all but the wiring to the handler's package"})
		}
		if !s.test {
			all = append(all, t.longFunctions(s)...)
		}
	}
	return all
}

// isFunctionMain reports whether the file is functions/<name>/main.go.
func isFunctionMain(p string) bool {
	fits, _ := path.Match("functions/*/main.go", p)
	return fits
}

func (t *Tree) longFunctions(s *source) []Violation {
	var all []Violation
	for f := range functionsOf(s) {
		n := t.fset.Position(f.End()).Line - t.fset.Position(f.Pos()).Line + 1
		if n > maxFunction {
			all = append(all, t.at(f, fmt.Sprintf("%s has %d lines, at most %d", f.Name.Name, n, maxFunction), "give its steps names of their own"))
		}
	}
	return all
}

func functionsOf(s *source) func(func(*ast.FuncDecl) bool) {
	return func(yield func(*ast.FuncDecl) bool) {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && !yield(f) {
				return
			}
		}
	}
}

func documentation(t *Tree) []Violation {
	var all []Violation
	packages := map[string]*source{} // by folder, one without a comment
	documented := map[string]bool{}
	for _, s := range t.production() {
		if s.ast.Doc != nil {
			documented[s.dir] = true
		}
		if first := packages[s.dir]; first == nil || s.path < first.path {
			packages[s.dir] = s
		}
		for _, d := range s.ast.Decls {
			all = append(all, t.undocumented(d)...)
		}
	}
	for dir, s := range packages {
		if !documented[dir] {
			all = append(all, t.at(s.ast.Name, "package "+s.ast.Name.Name+" has no comment", "say in one file what it is for"))
		}
	}
	slices.SortFunc(all, func(a, b Violation) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// undocumented finds exported names without a comment of their own or, for
// constants, variables and types, of their group.
func (t *Tree) undocumented(d ast.Decl) []Violation {
	var all []Violation
	missing := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(docs, func(c *ast.CommentGroup) bool { return c != nil }) {
			all = append(all, t.at(name, name.Name+" is exported without a comment", "say what it is or does, with units, zero value and errors where they matter"))
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || ast.IsExported(receiver(d)) {
			missing(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				missing(spec.Name, spec.Doc, d.Doc, spec.Comment)
				for _, m := range methodsOf(spec) {
					missing(m.Names[0], m.Doc, m.Comment)
				}
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					missing(name, spec.Doc, d.Doc, spec.Comment)
				}
			}
		}
	}
	return all
}

// methodsOf returns the named methods of an exported interface. The comment of
// the interface speaks for a method that is its only one.
func methodsOf(spec *ast.TypeSpec) []*ast.Field {
	i, ok := spec.Type.(*ast.InterfaceType)
	if !ok || !spec.Name.IsExported() || len(i.Methods.List) < 2 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(i.Methods.List), func(f *ast.Field) bool { return len(f.Names) == 0 })
}

// receiver returns the name of a method's type.
func receiver(f *ast.FuncDecl) string {
	e := f.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
