// Package rules holds the rules of this tree that no linter knows: who may
// import whom, what a package may be called, how long code may grow, and what
// must be written down. Its test runs them over the whole tree; each violation
// names the place and the mend.
//
// The rules read syntax only. They need no build, so they also speak while a
// package does not compile.
package rules

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Violation is a place that breaks a rule.
type Violation struct {
	File string // path in the tree, with slashes
	Line int    // 1 is the first
	What string // is wrong
	Mend string // what to do about it
}

// String renders the violation as "file:line: what: mend".
func (v Violation) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", v.File, v.Line, v.What, v.Mend)
}

// Rule is one rule. Check is safe for concurrent use.
type Rule struct {
	Name  string // a few words, fit for a subtest
	Check func(*Tree) []Violation
}

// All returns every rule.
func All() []Rule {
	return []Rule{
		{"files parse", unparsed},
		{"imports keep their direction", imports},
		{"package names say what is inside", packageNames},
		{"no init functions", inits},
		{"no mutable package variables", variables},
		{"functions and files stay short", sizes},
		{"exported names and packages are documented", documentation},
		{"nothing is left unfinished", unfinished},
		{"no package registry is named", registries},
	}
}

// Tree is the source tree as the rules see it.
type Tree struct {
	fset   *token.FileSet
	source []*source
	texts  []text
	broken []Violation
}

// source is a Go file that parses.
type source struct {
	path      string
	dir       string
	ast       *ast.File
	lines     int
	test      bool // *_test.go
	external  bool // of package x_test
	generated bool
}

// text is a file that people read.
type text struct {
	path string
	body []byte
}

// maxText is the size above which a file is data, not text.
const maxText = 1 << 20

// Load reads the tree at the root of fsys. Build results, vendored code and
// hidden folders other than .ci are left out; a Go file that does not parse is a
// violation, not an error.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(p):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		body, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		t.add(p, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read tree: %w", err)
	}
	return t, nil
}

func skipped(dir string) bool {
	switch name := path.Base(dir); name {
	case ".", ".ci":
		return false
	case "build", "vendor", "node_modules":
		return true
	default:
		return strings.HasPrefix(name, ".")
	}
}

func (t *Tree) add(p string, body []byte) {
	if len(body) <= maxText && utf8.Valid(body) && !bytes.Contains(body, []byte{0}) && path.Base(p) != "go.sum" {
		t.texts = append(t.texts, text{p, body})
	}
	if path.Ext(p) != ".go" || slices.Contains(strings.Split(p, "/"), "testdata") {
		return
	}
	file, err := parser.ParseFile(t.fset, p, body, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.broken = append(t.broken, Violation{p, 1, "does not parse", err.Error()})
		return
	}
	t.source = append(t.source, &source{
		path: p, dir: path.Dir(p), ast: file, lines: bytes.Count(body, []byte("\n")),
		test:      strings.HasSuffix(p, "_test.go"),
		external:  strings.HasSuffix(file.Name.Name, "_test"),
		generated: ast.IsGenerated(file),
	})
}

func unparsed(t *Tree) []Violation { return t.broken }

// at makes a violation at a node.
func (t *Tree) at(n ast.Node, what, mend string) Violation {
	p := t.fset.Position(n.Pos())
	return Violation{p.Filename, p.Line, what, mend}
}

// production returns the Go files that people wrote and that are not tests.
func (t *Tree) production() []*source {
	return slices.DeleteFunc(slices.Clone(t.source), func(s *source) bool { return s.test || s.generated })
}
