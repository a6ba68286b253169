package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
)

// simulatorsCommand is the argument that makes this program the simulators.
const simulatorsCommand = "simulators"

// The locations, each with numbers of its own, so that no measurement finds
// what another has used up.
const (
	siteHandler = "Handler"
	siteLoop    = "Loop"
	siteReserve = "Reserve"
	siteBatch   = "Batch"
	siteGrowth  = "Growth"
	siteCrowded = "Crowded"
)

func sites() []string {
	return []string{siteHandler, siteLoop, siteReserve, siteBatch, siteGrowth, siteCrowded}
}

// The longest page of Webex and the size of the crowded location, as multiples
// of the numbers that other locations have.
const (
	pageSize    = 2
	crowdedSize = 3
)

// ready is the line that the simulators print once they listen.
type ready struct {
	Discovery    string `json:"discovery"`
	UCWAControl  string `json:"ucwaControl"`
	Webex        string `json:"webex"` // base URL
	WebexControl string `json:"webexControl"`
}

// serveSimulators runs both simulators until stdin ends, which it does when the
// benchmark is gone, however it went.
func serveSimulators(args []string, stdin io.Reader, stdout io.Writer) error {
	f := flag.NewFlagSet(simulatorsCommand, flag.ContinueOnError)
	users := f.Int("users", 0, "generated users")
	numbers := f.Int("numbers", 0, "free numbers at each location")
	if err := f.Parse(args); err != nil {
		return err
	}
	skype, err := ucwasim.Start(ucwasim.Config{Users: *users, History: 1})
	if err != nil {
		return err
	}
	defer skype.Close()
	cloud, err := webexsim.New(webexsim.Config{Locations: locations(*numbers), PageLimit: pageSize * *numbers, History: 1})
	if err != nil {
		return err
	}
	api, control, stop, err := open(cloud.Handler(), cloud.Control())
	if err != nil {
		return err
	}
	defer stop()
	err = json.NewEncoder(stdout).Encode(ready{
		Discovery: skype.DiscoveryURL, UCWAControl: skype.ControlURL, Webex: api + "/v1", WebexControl: control,
	})
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, stdin)
	return err
}

// locations have numbers for people only: a special one, met by chance, would
// cost a call more in one round than in another.
func locations(numbers int) []webexsim.Location {
	var all []webexsim.Location
	for i, name := range sites() {
		all = append(all, webexsim.Location{Name: name, Prefix: "+1205" + strconv.Itoa(2+i), Digits: 6, Numbers: numbers})
	}
	all[len(all)-1].Numbers *= crowdedSize
	return all
}

// open serves handlers on two ports of loopback.
func open(api, control http.Handler) (apiURL, controlURL string, stop func(), err error) {
	var urls [2]string
	var servers [2]*http.Server
	for i, h := range []http.Handler{api, control} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", nil, err
		}
		urls[i], servers[i] = "http://"+l.Addr().String(), &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
		go func() { _ = servers[i].Serve(l) }() // until stop
	}
	return urls[0], urls[1], func() { _, _ = servers[0].Close(), servers[1].Close() }, nil
}

// simulators are the process that runs them.
type simulators struct {
	ready
	process *exec.Cmd
	life    io.Closer // the process ends when this is closed
	control http.Client
}

func startSimulators(ctx context.Context, users, numbers int) (*simulators, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start simulators: %w", err)
	}
	s := &simulators{process: exec.CommandContext(ctx, self, simulatorsCommand,
		"-users", strconv.Itoa(users), "-numbers", strconv.Itoa(numbers))}
	s.process.Stderr = os.Stderr
	var out io.Reader
	s.life, err = s.process.StdinPipe()
	if err == nil {
		out, err = s.process.StdoutPipe()
	}
	if err == nil {
		err = s.process.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start simulators: %w", err)
	}
	if err := json.NewDecoder(out).Decode(&s.ready); err != nil {
		return nil, errors.Join(fmt.Errorf("start simulators: %w", err), s.close())
	}
	return s, nil
}

func (s *simulators) close() error { return errors.Join(s.life.Close(), s.process.Wait()) }

// calls counts the requests that each vendor has had.
type calls struct{ ucwa, webex int }

func (c calls) since(before calls) calls { return calls{c.ucwa - before.ucwa, c.webex - before.webex} }

func (c calls) plus(d calls) calls { return calls{c.ucwa + d.ucwa, c.webex + d.webex} }

func (s *simulators) calls(ctx context.Context) (c calls, err error) {
	if c.ucwa, err = s.count(ctx, s.UCWAControl); err == nil {
		c.webex, err = s.count(ctx, s.WebexControl)
	}
	return c, err
}

func (s *simulators) count(ctx context.Context, control string) (n int, err error) {
	var history struct{ Counts map[string]int }
	err = s.ask(ctx, http.MethodGet, control+"/requests", nil, &history)
	for _, c := range history.Counts {
		n += c
	}
	return n, err
}

// setLatency makes every answer of both vendors take that long.
func (s *simulators) setLatency(ctx context.Context, d time.Duration) error {
	body := map[string]string{"min": d.String(), "max": d.String()}
	return errors.Join(
		s.ask(ctx, http.MethodPost, s.UCWAControl+"/latency", body, nil),
		s.ask(ctx, http.MethodPost, s.WebexControl+"/latency", body, nil),
	)
}

// published returns the work numbers in Skype for Business, by user.
func (s *simulators) published(ctx context.Context, limit int) (map[string]string, error) {
	var state struct {
		Users []struct {
			User   string
			Phones map[string]struct{ Number string }
		}
	}
	err := s.ask(ctx, http.MethodGet, s.UCWAControl+"/state?limit="+strconv.Itoa(limit), nil, &state)
	numbers := map[string]string{}
	for _, u := range state.Users {
		numbers[u.User] = u.Phones["work"].Number
	}
	return numbers, err
}

func (s *simulators) ask(ctx context.Context, method, url string, body, answer any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	resp, err := s.control.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("simulator answers %s to %s %s", resp.Status, method, url)
	}
	if answer == nil {
		answer = &json.RawMessage{}
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}
