package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"dialtone/events/schema/validate"
	"dialtone/infra/deployment"
	"dialtone/shared/command"
)

func (t *terminal) sendCommand() *cobra.Command {
	var place deployment.Place
	var asJSON, allOrNothing bool
	c := &cobra.Command{
		Use:   "send FILE|-",
		Short: "Put commands on the queue: one event, or JSON lines",
		Long: "Put commands on the queue: one CloudEvents object, or one on each line.\n\n" +
			"Every line is checked against its schema before anything is queued. Bad lines are named with\n" +
			"field, problem and mend; the good ones are sent all the same, unless --all-or-nothing.\n" +
			"A running 'dialtone run' on the same data file takes them up at once; with --stack they go to AWS.",
		Example: "  dialtone send events/sample/onboarding.jsonl\n  cat event.json | dialtone send -",
		Args:    exactly("FILE|-"),
		RunE: func(c *cobra.Command, args []string) error {
			lines, err := t.readLines(args[0])
			if err != nil {
				return err
			}
			d, err := deployment.Join(c.Context(), place)
			if err != nil {
				return err
			}
			defer d.Close()
			return t.send(c.Context(), d, lines, allOrNothing, asJSON)
		},
	}
	placeFlags(c, &place)
	jsonFlag(c, &asJSON)
	c.Flags().BoolVar(&allOrNothing, "all-or-nothing", false, "send nothing if any line is bad")
	return c
}

// line is one message of a file with what is wrong with it.
type line struct {
	Number   int                `json:"line"`
	Request  command.Key        `json:"request,omitzero"`
	Problems []validate.Problem `json:"problems,omitempty"`
	body     []byte
}

// readLines reads one JSON object, pretty-printed perhaps, or one on each line.
// Empty lines do not count as messages but count as lines.
func (t *terminal) readLines(path string) ([]line, error) {
	raw, err := t.readFile(path)
	if err != nil {
		return nil, err
	}
	if trimmed := bytes.TrimSpace(raw); json.Valid(trimmed) && len(trimmed) > 0 {
		return []line{readLine(1, trimmed)}, nil
	}
	var lines []line
	n := 0
	for body := range bytes.Lines(raw) {
		n++
		if body = bytes.TrimSpace(body); len(body) > 0 {
			lines = append(lines, readLine(n, bytes.Clone(body)))
		}
	}
	if len(lines) == 0 {
		return nil, exitError{exitUsage, fmt.Errorf("%s holds no message: give one CloudEvents object, or one on each line", path)}
	}
	return lines, nil
}

func (t *terminal) readFile(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(t.in)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	return raw, nil
}

func readLine(n int, body []byte) line {
	l := line{Number: n, body: body, Problems: validate.Command(body)}
	if c, err := command.Decode(body); err == nil || c.User != "" {
		l.Request = c.Key
	}
	return l
}

// sendResult is the JSON form of the send command.
type sendResult struct {
	Sent    int    `json:"sent"`    // put on the queue
	Known   int    `json:"known"`   // sent before, still remembered by the queue; SQS does not tell, and counts as sent
	Refused []line `json:"refused"` // not sent, and why
}

func (t *terminal) send(ctx context.Context, d *deployment.Deployment, lines []line, allOrNothing, asJSON bool) error {
	result := sendResult{Refused: []line{}}
	var good []line
	for _, l := range lines {
		if len(l.Problems) > 0 {
			result.Refused = append(result.Refused, l)
		} else {
			good = append(good, l)
		}
	}
	bad := len(result.Refused)
	if allOrNothing && bad > 0 {
		good = nil
	}
	bar := t.progress(len(good), "sending")
	for i, l := range good {
		fresh, err := d.Send(ctx, l.body)
		if err != nil {
			return fmt.Errorf("line %d: %w; %d lines before it were sent", l.Number, err, i)
		}
		if fresh {
			result.Sent++
		} else {
			result.Known++
		}
		bar.set(i + 1)
	}
	bar.end()
	if asJSON {
		if err := printJSON(t.out, result); err != nil {
			return err
		}
	} else {
		t.reportSend(result)
	}
	switch {
	case bad == 0:
		return nil
	case len(good) == 0:
		return exitError{exitFailed, fmt.Errorf("nothing was sent: correct %s", count(bad, "line"))}
	}
	return exitError{exitPartial, fmt.Errorf("%s refused", count(bad, "line"))}
}

func (t *terminal) reportSend(r sendResult) {
	for _, l := range r.Refused {
		t.reportLine(l)
	}
	t.say("%d sent, %d known already, %d refused", r.Sent, r.Known, len(r.Refused))
}

// reportLine names a bad line with everything wrong in it.
func (t *terminal) reportLine(l line) {
	for _, p := range l.Problems {
		t.say("%s %s %s: %s", color.YellowString("line %d:", l.Number), p.Field, p.Problem, p.Mend)
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
