package local

import (
	"context"
	"log/slog"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/functions/change-number/changenumber"
	"dialtone/functions/report-failure/reportfailure"
	"dialtone/shared/httpretry"
	"dialtone/shared/vendors"
)

// function is one of the product's functions. Whether its handler runs in this
// process or in one of its own, it is made by make.
type function struct {
	name   string   // of its folder, and on AWS
	queues []string // whose messages it handles
	make   func(p parts) (handler, error)
}

// handler is what a function does with a batch.
type handler = func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// functions lists everything that works on a queue.
func functions() []function {
	return []function{
		{name: "change-number", queues: []string{NumbersQueue}, make: changeNumber},
		{name: "report-failure", queues: []string{NumbersDeadLetters}, make: reportFailure},
	}
}

func changeNumber(p parts) (handler, error) {
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
	return h.Handle, nil
}

func reportFailure(p parts) (handler, error) {
	h, err := reportfailure.New(reportfailure.Config{Ledger: p.Ledger, Visibility: p, Logger: p.log})
	if err != nil {
		return nil, err
	}
	return h.Handle, nil
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
