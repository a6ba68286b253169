package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/local"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/logattr"
)

// runFlags of the run command.
type runFlags struct {
	data, config, listen, play, outcomes, log string
	exit, quick, isolate                      bool
}

func (t *terminal) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the embedded stack: queues, handlers and the console",
		Long: "Run everything on this machine: durable queues and the ledger in one file, the handlers, the console.\n\n" +
			"Without --config both vendors are simulated in this process; with it the stack works on your Webex\n" +
			"and Skype for Business. Messages come from 'dialtone send', or from --play, which sends a file,\n" +
			"waits for the end of every message and prints a summary.\n\n" +
			"With --isolate every handler runs in processes of its own, behind the Lambda Runtime API as on AWS: one\n" +
			"that crashes, hangs past its timeout or takes too much memory costs its batch one try and nothing else.\n" +
			"It takes more processor time. An interrupt lets what is under way finish, for at most a minute; a second\n" +
			"one ends everything at once, and the next run goes on from there.",
		Example: "  dialtone run --play events/sample/onboarding.jsonl --exit\n  dialtone run --config dialtone.env",
		Args:    exactly(),
		RunE:    func(c *cobra.Command, _ []string) error { return t.run(c.Context(), f) },
	}
	dataFlag(c, &f.data)
	c.Flags().StringVar(&f.config, "config", "", "file of NAME=value settings that lead to real systems")
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8080", "address of the console; empty: no console")
	c.Flags().StringVar(&f.play, "play", "", "send this file, wait for the end of every message, print a summary")
	c.Flags().BoolVar(&f.exit, "exit", false, "with --play: stop after the summary, without a console")
	c.Flags().BoolVar(&f.quick, "quick", false, "simulated vendors answer at once and without faults")
	c.Flags().BoolVar(&f.isolate, "isolate", false, "run every handler in processes of its own, as on AWS")
	c.Flags().StringVar(&f.outcomes, "outcomes", "", "append every outcome to this file, a JSON object a line")
	c.Flags().StringVar(&f.log, "log", "", "log file, - for standard error; empty: dialtone.log beside the data file")
	return c
}

func (t *terminal) run(ctx context.Context, f runFlags) error {
	if f.exit && f.play == "" {
		return exitError{exitUsage, errors.New("--exit goes with --play: without a file to play there is nothing to wait for")}
	}
	if f.exit {
		f.listen = "" // nobody would see the console
	}
	var lines []line
	var err error
	if f.play != "" {
		if lines, err = t.readLines(f.play); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(f.data), 0o755); err != nil {
		return err
	}
	logger, closeLog, err := t.logger(f)
	if err != nil {
		return err
	}
	defer closeLog()
	settings, simulation, err := t.settings(f)
	if err != nil {
		return err
	}
	if simulation != nil {
		defer simulation.Close()
	}
	isolation, err := isolation(f.isolate)
	if err != nil {
		return err
	}
	stack, err := local.Open(ctx, local.Options{Path: f.data, Settings: settings, Outcomes: f.outcomes, Isolation: isolation, Logger: logger})
	if err != nil && ctx.Err() != nil {
		t.say("stopped before anything was begun")
		return nil
	}
	if err != nil {
		return err
	}
	defer stack.Close()
	console, err := t.console(stack, f.listen)
	if err != nil {
		return err
	}
	defer console.Close()
	return t.runStack(ctx, stack, simulation, lines, f)
}

// runStack works until the play is over or somebody interrupts it.
func (t *terminal) runStack(ctx context.Context, stack *local.Stack, sim *local.Simulation, lines []line, f runFlags) error {
	var played *play
	if f.play != "" {
		played = &play{t: t, stack: stack, sim: sim, file: f.play, lines: lines}
		if err := played.send(ctx); err != nil {
			return err
		}
	}
	defer context.AfterFunc(ctx, func() { t.say("stopping: what is under way finishes first; Ctrl-C again ends it at once") })()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- stack.Run(ctx) }()
	var verdict error
	if played != nil {
		verdict = played.watch(ctx)
	}
	if f.exit {
		stop()
	} else if ctx.Err() == nil && f.listen != "" {
		t.say("console: http://%s    data: %s    stop with Ctrl-C", f.listen, f.data)
	}
	if err := <-stopped; err != nil {
		return err
	}
	if f.exit {
		return verdict
	}
	return nil
}

// settings of real systems, or of a simulation that this process runs.
func (t *terminal) settings(f runFlags) (local.Settings, *local.Simulation, error) {
	if f.config != "" {
		s, err := local.ReadSettings(f.config, os.LookupEnv)
		if err != nil {
			err = exitError{exitUsage, err}
		}
		return s, nil, err
	}
	org, err := organisation(f.play)
	if err != nil {
		return local.Settings{}, nil, err
	}
	latency := local.Latency{Min: 20 * time.Millisecond, Max: 200 * time.Millisecond}
	if f.quick {
		latency = local.Latency{}
	}
	sim, err := local.Simulate(org, latency)
	if err == nil && !f.quick {
		err = sim.LightFaults()
	}
	if err != nil {
		return local.Settings{}, nil, err
	}
	return sim.Settings(), sim, nil
}

// organisation to simulate: the one beside the play (new-hires.sim.json beside
// new-hires.jsonl), else one of 200 users and three sites.
func organisation(file string) (onboarding.Organisation, error) {
	org := onboarding.Organisation{UCWA: onboarding.UCWA{Users: 200, Domain: "contoso.test"}}
	for _, l := range webexsim.DefaultLocations(200) {
		org.Webex.Sites = append(org.Webex.Sites, onboarding.Site{Name: l.Name, ID: l.ID, Numbers: l.Numbers})
	}
	raw, err := sidecar(file, ".sim.json")
	if raw == nil || err != nil {
		return org, err
	}
	return onboarding.ParseOrganisation(raw)
}

// sidecar reads the file that lies beside a play; nil when there is none.
func sidecar(file, ending string) ([]byte, error) {
	if file == "" || file == "-" {
		return nil, nil
	}
	raw, err := os.ReadFile(strings.TrimSuffix(file, filepath.Ext(file)) + ending)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

func (t *terminal) logger(f runFlags) (*slog.Logger, func() error, error) {
	var w io.Writer = t.err
	closeLog := func() error { return nil }
	if f.log != "-" {
		if f.log == "" {
			f.log = filepath.Join(filepath.Dir(f.data), "dialtone.log")
		}
		file, err := os.OpenFile(f.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, nil, err
		}
		w, closeLog = file, file.Close
	}
	return slog.New(logattr.Handler(w, slog.LevelInfo)), closeLog, nil
}

// console serves the console until closed.
func (t *terminal) console(stack *local.Stack, addr string) (*http.Server, error) {
	s := &http.Server{Handler: stack.Console(), ReadHeaderTimeout: 10 * time.Second}
	if addr == "" {
		return s, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("console: %w; choose another address with --listen", err)
	}
	go func() { _ = s.Serve(l) }()
	return s, nil
}
