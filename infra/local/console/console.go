// Package console is the operator's page of the embedded stack: who has which
// number and why, what waits, and what failed with the way to mend it. It only
// reads. Every figure on the page is also JSON under /api.
package console

import (
	"context"
	_ "embed"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
)

// Queue is the state of one queue.
type Queue struct {
	Name      string  `json:"name"`
	Waiting   int     `json:"waiting"`  // visible
	InFlight  int     `json:"inFlight"` // received, not yet deleted
	Delayed   int     `json:"delayed"`
	OldestSec float64 `json:"oldestSeconds"`
}

// Config of the console. All fields are required but Logger.
type Config struct {
	Ledger   *ledger.Ledger
	Requests func(context.Context) (map[ledger.RequestState]int, error)           // requests by state
	Numbers  func(context.Context) (map[string]map[ledger.NumberState]int, error) // by location and state
	Queues   func(context.Context) ([]Queue, error)
	Logger   *slog.Logger
}

// Handler returns the console: the page at / and its data under /api/.
func Handler(cfg Config) http.Handler {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &console{cfg: cfg}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.page)
	mux.HandleFunc("GET /api/overview", c.answer(c.overview))
	mux.HandleFunc("GET /api/numbers", c.answer(c.numbers))
	mux.HandleFunc("GET /api/failures", c.answer(c.failures))
	mux.HandleFunc("GET /api/users/{user}", c.answer(c.user))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return mux
}

type console struct{ cfg Config }

//go:embed page.html
var pageHTML []byte

func (c *console) page(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(pageHTML)
}

// answer turns a function that reads something into a JSON endpoint.
func (c *console) answer(read func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := read(r)
		status := http.StatusOK
		if bad, ok := err.(badRequest); ok {
			v, status = map[string]string{"error": string(bad)}, http.StatusBadRequest
		} else if err != nil {
			c.cfg.Logger.ErrorContext(r.Context(), "console", slog.String("path", r.URL.Path), slog.String("error", err.Error()))
			v, status = map[string]string{"error": "the ledger could not be read; see the log"}, http.StatusInternalServerError
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
}

// badRequest is a problem with a query parameter, in words for its sender.
type badRequest string

func (b badRequest) Error() string { return string(b) }

type overview struct {
	At       time.Time                   `json:"at"`
	Requests map[ledger.RequestState]int `json:"requests"`
	Queues   []Queue                     `json:"queues"`
	Pools    []pool                      `json:"pools"`
}

// pool counts the numbers of a location that the ledger knows, by state, and says
// what the last checks found free.
type pool struct {
	LocationID string                     `json:"locationId"`
	Numbers    map[ledger.NumberState]int `json:"numbers"`
	Stocks     []stock                    `json:"stocks"`
}

// stock is how a location stood for a licence when it was last counted.
type stock struct {
	LicenseType command.LicenseType `json:"licenseType"`
	Free        int                 `json:"free"`
	DaysLeft    *float64            `json:"daysLeft,omitempty"`
	LowSince    time.Time           `json:"lowSince,omitzero"`
	CountedAt   time.Time           `json:"countedAt,omitzero"` // zero: never
	Problem     string              `json:"problem,omitempty"`  // why the last count failed
}

// stocksOf lists the licences of a pool by name.
func stocksOf(p ledger.Pool) []stock {
	all := []stock{}
	for _, license := range slices.Sorted(maps.Keys(p.Stocks)) {
		s := p.Stocks[license]
		view := stock{LicenseType: license, Free: s.Counts.Free, DaysLeft: s.DaysLeft, CountedAt: s.At, Problem: s.Problem}
		if s.Low != nil {
			view.LowSince = s.Low.At
		}
		all = append(all, view)
	}
	return all
}

func (c *console) overview(r *http.Request) (any, error) {
	ctx := r.Context()
	o := overview{At: time.Now().UTC(), Pools: []pool{}}
	var err error
	if o.Requests, err = c.cfg.Requests(ctx); err != nil {
		return nil, err
	}
	if o.Queues, err = c.cfg.Queues(ctx); err != nil {
		return nil, err
	}
	counts, err := c.cfg.Numbers(ctx)
	if err != nil {
		return nil, err
	}
	for p, err := range c.cfg.Ledger.Pools(ctx) {
		if err != nil {
			return nil, err
		}
		of := counts[p.LocationID]
		if of == nil {
			of = map[ledger.NumberState]int{} // {} in JSON, not null
		}
		o.Pools = append(o.Pools, pool{p.LocationID, of, stocksOf(p)})
	}
	return o, nil
}

// numbers lists numbers of one location or of all, those that contain q only.
func (c *console) numbers(r *http.Request) (any, error) {
	limit, err := limitOf(r)
	if err != nil {
		return nil, err
	}
	only, q := r.FormValue("location"), strings.ToLower(strings.TrimSpace(r.FormValue("q")))
	found := []ledger.Number{}
	for p, err := range c.cfg.Ledger.Pools(r.Context()) {
		if err != nil {
			return nil, err
		}
		if only != "" && only != p.LocationID {
			continue
		}
		for n, err := range c.cfg.Ledger.Numbers(r.Context(), p.LocationID) {
			if err != nil {
				return nil, err
			}
			if strings.Contains(string(n.Number), q) || strings.Contains(string(n.User), q) || strings.Contains(string(n.State), q) {
				found = append(found, n)
			}
			if len(found) == limit {
				return found, nil
			}
		}
	}
	return found, nil
}

// failures lists dead letters, newest first, without their bodies.
func (c *console) failures(r *http.Request) (any, error) {
	limit, err := limitOf(r)
	if err != nil {
		return nil, err
	}
	found := []ledger.DeadLetter{}
	for d, err := range c.cfg.Ledger.DeadLetters(r.Context(), time.Time{}) {
		if err != nil {
			return nil, err
		}
		d.Body = ""
		found = append(found, d)
	}
	slices.Reverse(found)
	return found[:min(limit, len(found))], nil
}

// userView is all that is known of one user.
type userView struct {
	Person   ledger.Person    `json:"person"`
	Requests []ledger.Request `json:"requests"`
}

func (c *console) user(r *http.Request) (any, error) {
	u, err := sipaddr.Parse(r.PathValue("user"))
	if err != nil {
		return nil, badRequest("user " + err.Error())
	}
	v := userView{Requests: []ledger.Request{}}
	if v.Person, err = c.cfg.Ledger.Person(r.Context(), u); err != nil {
		return nil, err
	}
	for q, err := range c.cfg.Ledger.Requests(r.Context(), u) {
		if err != nil {
			return nil, err
		}
		v.Requests = append(v.Requests, q)
	}
	return v, nil
}

const defaultLimit, maxLimit = 500, 5000

func limitOf(r *http.Request) (int, error) {
	s := r.FormValue("limit")
	if s == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxLimit {
		return 0, badRequest("limit must be a whole number from 1 to " + strconv.Itoa(maxLimit))
	}
	return n, nil
}
