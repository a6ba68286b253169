package local

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"dialtone/functions/change-number/changenumber"
	"dialtone/functions/check-pools/checkpools"
	"dialtone/functions/report-failure/reportfailure"
	"dialtone/functions/set-simring/setsimring"
	"dialtone/infra/local/mapping"
	"dialtone/shared/httpretry"
	"dialtone/shared/vendors"
)

// function is one of the product's functions. Whether its handler runs in this
// process or in one of its own, it is made by make.
type function struct {
	name   string        // of its folder, and on AWS
	queues []string      // whose messages it handles
	every  time.Duration // the clock invokes it so often; zero: it does not
	webex  bool          // it calls Webex
	make   func(p parts) (mapping.Handler, error)
}

// functions lists everything that works on a queue or by the clock.
func functions() []function {
	return []function{
		{name: "change-number", queues: []string{NumbersQueue}, webex: true, make: changeNumber},
		{name: "set-simring", queues: []string{SimRingQueue}, make: setSimring},
		{name: "report-failure", queues: []string{NumbersDeadLetters, SimRingDeadLetters}, make: reportFailure},
		{name: "check-pools", every: time.Hour, webex: true, make: checkPools},
	}
}

// processes is how many of the function there are at most, each in one of its own.
func (f function) processes() int { return max(1, batches*len(f.queues)) }

// webexProcesses is how many share the Webex rate if each has a process.
func webexProcesses() (n int) {
	for _, f := range functions() {
		if f.webex {
			n += f.processes()
		}
	}
	return n
}

func changeNumber(p parts) (mapping.Handler, error) {
	clients, err := p.connect()
	if err != nil {
		return nil, err
	}
	h, err := changenumber.New(changenumber.Config{
		Ledger: p.Ledger, Webex: clients.Webex, UCWA: clients.UCWA, Ready: clients.Ready, Visibility: p, DeadLetters: p,
		Concurrency: p.settings.UCWAConcurrency, Quarantine: p.settings.Quarantine, QuarantineAt: p.settings.QuarantineAt, Backoff: p.backoff, Logger: p.log,
	})
	if err != nil {
		return nil, err
	}
	return mapping.Events(h.Handle), nil
}

// setSimring has a client of its own: see [setsimring.Service].
func setSimring(p parts) (mapping.Handler, error) {
	client, ready, err := p.settings.ConnectUCWA(vendors.Surroundings{
		Ledger: p.Ledger, Secrets: p.settings.Secrets, Service: setsimring.Service, Logger: p.log,
	})
	if err != nil {
		return nil, err
	}
	h, err := setsimring.New(setsimring.Config{
		Ledger: p.Ledger, UCWA: client, Ready: ready, Visibility: p, DeadLetters: p,
		Concurrency: p.settings.UCWAConcurrency, Backoff: p.backoff, Logger: p.log,
	})
	if err != nil {
		return nil, err
	}
	return mapping.Events(h.Handle), nil
}

func reportFailure(p parts) (mapping.Handler, error) {
	h, err := reportfailure.New(reportfailure.Config{Ledger: p.Ledger, Visibility: p, Logger: p.log})
	if err != nil {
		return nil, err
	}
	return mapping.Events(h.Handle), nil
}

func checkPools(p parts) (mapping.Handler, error) {
	clients, err := p.connect()
	if err != nil {
		return nil, err
	}
	h, err := checkpools.New(checkpools.Config{Ledger: p.Ledger, Webex: clients.Webex, Thresholds: p.settings.Thresholds, Logger: p.log})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ []byte) ([]byte, error) { return []byte("null"), h.Handle(ctx) }, nil
}

// parts is what handlers are made of.
type parts struct {
	*Data
	settings Settings
	backoff  httpretry.Backoff // zero: the handlers' own
	log      *slog.Logger

	// connect makes the vendors' clients when first called; all handlers of a
	// process share them.
	connect func() (vendors.Clients, error)
}

// newParts makes nothing but the means to. The Webex rate is shared by as many
// processes as are said.
func newParts(d *Data, s Settings, processes int, log *slog.Logger) parts {
	return parts{
		Data: d, settings: s, log: log,
		connect: sync.OnceValues(func() (vendors.Clients, error) {
			return s.Connect(vendors.Surroundings{Ledger: d.Ledger, Secrets: s.Secrets, Processes: processes, Logger: log})
		}),
	}
}
