//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dialtone/infra/e2e/rendered"
	"dialtone/infra/e2e/sqssource"
	"dialtone/infra/e2e/stream"
	"dialtone/infra/emulators"
	"dialtone/infra/local/lambdahost"
	"dialtone/infra/local/mapping"
	"dialtone/infra/local/queue"
	"dialtone/shared/logattr"
)

// function is one of the template, behind the Runtime API.
type function struct {
	id   string
	host *lambdahost.Host
	logs *lines
}

// deployment is the functions of the template with their event sources.
type deployment struct {
	*cloud
	functions map[string]*function // by logical id
	mappings  []*mapping.Mapping
	streams   []*stream.Mapping
	log       *lines // of hosts and mappings
}

// deploy starts nothing yet but the hosts. environment is added to what the
// template gives each function.
func deploy(t *testing.T, c *cloud, w wish, environment map[string]string) *deployment {
	t.Helper()
	d := &deployment{cloud: c, functions: map[string]*function{}, log: &lines{}}
	for _, id := range c.template.Of(rendered.TypeFunction) {
		f := properties[rendered.Function](t, c, id)
		d.host(t, id, f, environment)
		c.template.Exists(id, f.FunctionName, map[string]string{"Arn": "arn:aws:lambda:" + emulators.Region + ":000000000000:function:" + f.FunctionName})
	}
	for _, id := range c.template.Of(rendered.TypeVersion) {
		c.template.Exists(id, id, map[string]string{"Version": "1"})
	}
	aliases := map[string]string{}
	for _, id := range c.template.Of(rendered.TypeAlias) {
		a := properties[struct{ FunctionName, FunctionVersion, Name string }](t, c, id)
		c.template.Exists(id, a.FunctionName+":"+a.Name, nil)
		aliases[a.FunctionName+":"+a.Name] = a.FunctionName
	}
	for _, id := range c.template.Of(rendered.TypeMapping) {
		m := properties[rendered.Mapping](t, c, id)
		d.connect(t, m, d.named(t, aliases[m.FunctionName]), w)
	}
	t.Cleanup(func() { d.report(t) })
	return d
}

// named returns the function of a name.
func (d *deployment) named(t *testing.T, name string) *function {
	t.Helper()
	for id, f := range d.functions {
		if stackName+"-"+kebab(id) == name {
			return f
		}
	}
	t.Fatalf("no function is named %q", name)
	return nil
}

// kebab turns ChangeNumber into change-number.
func kebab(id string) string {
	var b strings.Builder
	for i, r := range id {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// host makes the host of a function as the template describes it.
func (d *deployment) host(t *testing.T, id string, f rendered.Function, environment map[string]string) {
	t.Helper()
	env := map[string]string{"AWS_ACCESS_KEY_ID": emulators.AccessKey, "AWS_SECRET_ACCESS_KEY": emulators.SecretKey}
	env["AWS_LAMBDA_LOG_FORMAT"], env["AWS_LAMBDA_LOG_LEVEL"] = f.LoggingConfig.LogFormat, f.LoggingConfig.ApplicationLogLevel
	maps.Copy(env, d.endpoints)
	for name, v := range f.Environment.Variables {
		env[name] = string(v)
	}
	maps.Copy(env, environment)
	logs := &lines{}
	host, err := lambdahost.New(lambdahost.Config{
		Binary: filepath.Join(bootstraps, kebab(id), f.Handler), Env: env, Name: f.FunctionName, Region: emulators.Region,
		Memory: int(f.MemorySize), Timeout: time.Duration(f.Timeout) * time.Second,
		MaxConcurrency: max(1, int(f.ReservedConcurrentExecutions)), Freeze: true, Output: logs, Logger: d.log.logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	})
	d.functions[id] = &function{id: id, host: host, logs: logs}
}

// connect makes the event source mapping of a function.
func (d *deployment) connect(t *testing.T, m rendered.Mapping, f *function, w wish) {
	t.Helper()
	if fmt.Sprint(m.FunctionResponseTypes) != "[ReportBatchItemFailures]" {
		t.Errorf("%s does not report failures one by one", f.id)
	}
	if q, is := d.queues[m.EventSourceArn]; is {
		source := sqssource.New(d.sqs, q.url, queue.Config{Name: q.QueueName, VisibilityTimeout: time.Duration(q.VisibilityTimeout) * time.Second})
		polled, err := mapping.New(mapping.Config{
			Source: source, Handler: f.host.Invoke, Function: f.id, Timeout: d.timeout(t, f.id) + time.Second, // the host is the one to keep time
			BatchSize: int(m.BatchSize), MaximumConcurrency: int(m.ScalingConfig.MaximumConcurrency), Logger: d.log.logger(),
		})
		if err != nil {
			t.Fatal(err)
		}
		d.mappings = append(d.mappings, polled)
		return
	}
	s := &stream.Mapping{
		Log: d.streamed, BatchSize: int(m.BatchSize), Bisect: m.BisectBatchOnFunctionError, Invoke: f.host.Invoke, Repeat: w.repeat, Logger: d.log.logger(),
	}
	for _, raw := range m.FilterCriteria.Filters {
		filter, err := stream.ParseFilter(raw.Pattern)
		if err != nil {
			t.Fatal(err)
		}
		s.Filters = append(s.Filters, filter)
	}
	d.streams = append(d.streams, s)
}

func (d *deployment) timeout(t *testing.T, id string) time.Duration {
	t.Helper()
	return time.Duration(properties[rendered.Function](t, d.cloud, id).Timeout) * time.Second
}

// start runs every mapping until stop is called, which the test may do early.
func (d *deployment) start(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	for _, m := range d.mappings {
		running.Go(func() {
			if err := m.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	for _, s := range d.streams {
		running.Go(func() { s.Run(ctx) })
	}
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}

// report shows the end of the logs of a test that failed.
func (d *deployment) report(t *testing.T) {
	if !t.Failed() {
		return
	}
	t.Logf("hosts and mappings:\n%s", d.log.tail(30))
	for id, f := range d.functions {
		t.Logf("%s:\n%s", id, f.logs.tail(15))
	}
}

// lines collects a log.
type lines struct {
	mu  sync.Mutex
	all [][]byte
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, bytes.Clone(p))
	return len(p), nil
}

func (l *lines) logger() *slog.Logger { return slog.New(logattr.Handler(l, slog.LevelInfo)) }

func (l *lines) text() string { return l.tail(1 << 30) }

// first is the first line, "" when there is none.
func (l *lines) first() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return ""
	}
	return string(bytes.TrimSpace(l.all[0]))
}

func (l *lines) tail(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.Join(l.all[max(0, len(l.all)-n):], nil))
}
