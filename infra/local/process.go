package local

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"dialtone/infra/local/lambdahost"
	"dialtone/infra/local/mapping"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
	"dialtone/shared/sqlitefile"
)

// process is what a process of a function knows of the run that it belongs to.
type process struct {
	Data       string // path of the data file
	Run        string // owner of the leases of all processes of the run
	Processes  int    // that share the Webex rate
	RuntimeAPI string // host:port; set by the host
}

// Variables of a process, beside those of [Settings].
const (
	dataVar      = "DIALTONE_DATA"
	runVar       = "DIALTONE_RUN"
	processesVar = "DIALTONE_PROCESSES"
	runtimeVar   = "AWS_LAMBDA_RUNTIME_API"
)

func (p process) variables() map[string]string {
	return map[string]string{dataVar: p.Data, runVar: p.Run, processesVar: strconv.Itoa(p.Processes)}
}

func readProcess(r *env.Reader) process {
	return process{
		Data: r.String(dataVar), Run: r.String(runVar), Processes: r.IntOr(processesVar, 1, 1, 1000),
		RuntimeAPI: r.String(runtimeVar),
	}
}

// Serve makes this process one of a function and handles its invocations until
// ctx ends or the run is gone. When it cannot start, the error names every
// variable that is missing or bad, and was logged to standard output as the
// functions on AWS do. lookup gives the variables that a [Stack] with
// [Isolation] has set.
func Serve(ctx context.Context, name string, lookup func(string) (string, bool)) error {
	log := slog.New(logattr.Redacting(lambdacontext.NewLogHandler()))
	p, h, err := assemble(ctx, name, env.New(lookup), log)
	if err != nil {
		log.ErrorContext(ctx, "the function cannot start", logattr.Error(err))
		return fmt.Errorf("function %s cannot start: %w", name, err)
	}
	return lambdahost.Serve(ctx, p.RuntimeAPI, lambdahost.Handler(h))
}

// assemble makes a function's handler on the data file of the run.
//
// The run holds the file's exclusive lock for its processes, so leases that are
// not the run's belong to the dead. Those of the run may be a sibling's that is
// alive: the process that they end with is known to the run alone, which takes
// them over.
func assemble(ctx context.Context, name string, r *env.Reader, log *slog.Logger) (p process, h mapping.Handler, err error) {
	f, err := find(name)
	if err != nil {
		return p, nil, err
	}
	p = readProcess(r)
	settings := readSettings(r, filepath.Join(filepath.Dir(p.Data), "secrets"))
	if err := r.Err(); err != nil {
		return p, nil, err
	}
	data, err := open(ctx, p.Data, sqlitefile.Options{MustExist: true}, ledger.Options{Owner: p.Run, Exclusive: true})
	if err != nil {
		return p, nil, fmt.Errorf("%s: %w", dataVar, err)
	}
	h, err = f.make(newParts(data, settings, p.Processes, log))
	return p, h, err
}

func find(name string) (function, error) {
	var names []string
	for _, f := range functions() {
		if f.name == name {
			return f, nil
		}
		names = append(names, f.name)
	}
	slices.Sort(names)
	return function{}, fmt.Errorf("there is no function %q: name one of %s", name, strings.Join(names, ", "))
}
