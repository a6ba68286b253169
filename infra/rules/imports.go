package rules

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is the path that imports of this tree start with.
const module = "dialtone"

// lambdaRuntime is the part of the AWS library that only functions may know; the
// shapes of its events are for all.
func lambdaRuntime() []string {
	return []string{"github.com/aws/aws-lambda-go/lambda", "github.com/aws/aws-lambda-go/lambdacontext"}
}

// strangers are the packages that must not know each other: functions join them.
func strangers() []string { return []string{"shared/ucwa", "shared/webex", "shared/ledger"} }

func imports(t *Tree) []Violation {
	var all []Violation
	for _, s := range t.source {
		for _, spec := range s.ast.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue
			}
			if mend := refusal(s, imported); mend != "" {
				all = append(all, t.at(spec, fmt.Sprintf("%s imports %s", s.dir, imported), mend))
			}
		}
	}
	return all
}

// refusal says why a file may not import a package; "" if it may.
func refusal(s *source, imported string) string {
	playsLambda := within(s.dir, "infra/local") && strings.HasSuffix(imported, "/lambdacontext") // it sets what functions read
	if slices.Contains(lambdaRuntime(), imported) && !within(s.dir, "functions") && !s.test && !playsLambda {
		return "only functions know AWS Lambda: wire it in functions/<name>/main.go"
	}
	target, local := strings.CutPrefix(imported, module+"/")
	if !local {
		return ""
	}
	home, other := stranger(s.dir), stranger(target)
	switch {
	case home != "" && other != "" && home != other:
		return "ucwa, webex and ledger do not know each other: join them in a function"
	case s.external && within(target, "infra/sim", "infra/emulators", "infra/local/queuetest"):
		return "" // tests of shared and functions run against simulators and emulators
	case s.external && within(s.dir, "events") && within(target, "shared"):
		return "" // tests of the schemas compare them with the decoders
	case within(s.dir, "infra/sim"):
		return unless(within(target, "infra/sim"), "simulators share nothing with the code they test: write their own types")
	case within(s.dir, "functions"):
		return unless(within(target, "shared", "events", function(s.dir)), "functions import shared, never infra or each other: move what both need to shared")
	case within(s.dir, "shared"):
		return unless(within(target, "shared", "events"), "shared imports neither functions nor infra: pass it in, or use it from an external _test package")
	case within(s.dir, "events"):
		return unless(within(target, "events"), "events imports nothing of this tree: move the code out")
	case within(s.dir, "infra"):
		return unless(within(target, "infra", "shared", "functions", "events"), "infra imports shared, functions and events")
	}
	return ""
}

func unless(fine bool, mend string) string {
	if fine {
		return ""
	}
	return mend
}

// within reports whether dir is one of the folders or below one.
func within(dir string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return dir == f || strings.HasPrefix(dir, f+"/") })
}

// function returns the folder of the function that dir belongs to.
func function(dir string) string {
	parts := strings.SplitN(dir, "/", 3)
	return path.Join(parts[:min(len(parts), 2)]...)
}

// stranger returns which of the strangers dir belongs to, or "".
func stranger(dir string) string {
	for _, s := range strangers() {
		if within(dir, s) {
			return s
		}
	}
	return ""
}
