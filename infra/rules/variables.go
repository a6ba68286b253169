package rules

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
)

// variables finds package variables that change: those that some statement
// writes, those without a value (something has to set them), and those of a type
// that exists to change. Writes to variables of other packages count, too.
//
// Names are resolved with types as far as one package shows them, so a local
// variable of the same name is not taken for it.
func variables(t *Tree) []Violation {
	packages := map[string][]*source{}
	for _, s := range t.production() {
		packages[s.dir] = append(packages[s.dir], s)
	}
	var all []Violation
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		all = append(all, t.mutable(packages[dir])...)
	}
	return all
}

func (t *Tree) mutable(files []*source) []Violation {
	var all []Violation
	var parsed []*ast.File
	for _, s := range files {
		parsed = append(parsed, s.ast)
		all = append(all, t.suspicious(s)...)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{
		Importer: nothing{}, // other packages do not matter
		Error:    func(error) {},
	}
	pkg, _ := conf.Check(files[0].dir, t.fset, parsed, info) // errors are about those
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			for _, e := range written(n) {
				if v, bad := t.write(pkg, info, e); bad {
					all = append(all, v)
				}
			}
			return true
		})
	}
	slices.SortFunc(all, func(a, b Violation) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.What, b.What))
	})
	return slices.Compact(all)
}

// nothing is an importer that finds no package.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not needed") }

const mend = "make it a field of what uses it, or pass it in"

// suspicious finds the variables whose declaration tells.
func (t *Tree) suspicious(s *source) []Violation {
	var all []Violation
	for _, d := range s.ast.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, spec := range g.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok || v.Names[0].Name == "_" || embedded(g.Doc) || embedded(v.Doc) {
				continue
			}
			switch {
			case len(v.Values) == 0:
				all = append(all, t.at(v, fmt.Sprintf("package variable %s has no value", v.Names[0].Name), mend))
			case slices.ContainsFunc(append(v.Values, v.Type), changing):
				all = append(all, t.at(v, fmt.Sprintf("package variable %s is of a type made to change", v.Names[0].Name), mend))
			}
		}
	}
	return all
}

// embedded reports whether the compiler sets the variable.
func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// changing reports whether e is, or makes, a value of sync or sync/atomic, or an
// empty map or channel.
func changing(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.UnaryExpr:
		return changing(e.X)
	case *ast.StarExpr:
		return changing(e.X)
	case *ast.IndexExpr:
		return changing(e.X)
	case *ast.CompositeLit:
		_, isMap := e.Type.(*ast.MapType)
		return isMap && len(e.Elts) == 0 || e.Type != nil && changing(e.Type)
	case *ast.CallExpr:
		f, ok := e.Fun.(*ast.Ident)
		return ok && len(e.Args) > 0 && (f.Name == "make" || f.Name == "new" && changing(e.Args[0]))
	case *ast.SelectorExpr:
		p, ok := e.X.(*ast.Ident)
		return ok && (p.Name == "atomic" || p.Name == "sync" && !strings.HasPrefix(e.Sel.Name, "OnceValue"))
	}
	return false
}

// written returns the expressions that a node assigns to.
func written(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return n.Lhs
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") && len(n.Args) > 0 {
			return n.Args[:1]
		}
	}
	return nil
}

// write judges an assignment to e.
func (t *Tree) write(pkg *types.Package, info *types.Info, e ast.Expr) (Violation, bool) {
	root, selected := rootOf(e)
	if root == nil {
		return Violation{}, false
	}
	switch object := info.Uses[root].(type) {
	case *types.Var:
		if object.Parent() == pkg.Scope() {
			return t.at(e, "package variable "+root.Name+" is written", mend), true
		}
	case *types.PkgName:
		return t.at(e, fmt.Sprintf("variable %s.%s of another package is written", root.Name, selected), mend), true
	}
	return Violation{}, false
}

// rootOf returns the variable that x, x.f, x[i] and *x start from, and the first
// name selected from it.
func rootOf(e ast.Expr) (root *ast.Ident, selected string) {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x, selected
		case *ast.SelectorExpr:
			e, selected = x.X, x.Sel.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil, ""
		}
	}
}
