// Package deployment opens the place where dialtone runs, for those who look
// after it: the data file of an embedded stack, or a stack on AWS. What they do
// then is the same code for both: they read the ledger and send commands.
package deployment

import (
	"context"
	"errors"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/signin"
	"dialtone/shared/vendors"
)

// Place says which deployment is meant: Stack, or Data if Stack is empty.
type Place struct {
	Data string // data file of the embedded stack
	// Config is the file of settings that lead the embedded stack to real systems;
	// empty: it works on simulated ones. Only [Deployment.Settings] needs it.
	Config string

	Stack  string // name of the CloudFormation stack
	Region string // of that stack; empty: as the AWS configuration says
}

// Deployment is one that is open. It is safe for concurrent use.
type Deployment struct {
	Ledger *ledger.Ledger

	place Place
	base  base
}

// base is what differs between the two kinds of deployment.
type base interface {
	deliver(ctx context.Context, c command.Command, body []byte, replay int) (fresh bool, err error)
	settings() (Settings, error)
	close() error
}

// Look opens a deployment that is there. Errors say what is missing and how to
// mend it.
func Look(ctx context.Context, p Place) (*Deployment, error) { return open(ctx, p, true) }

// Join opens a deployment to send to it: a data file is made if it is not there.
func Join(ctx context.Context, p Place) (*Deployment, error) { return open(ctx, p, false) }

func open(ctx context.Context, p Place, mustExist bool) (*Deployment, error) {
	switch {
	case p.Stack != "":
		return openStack(ctx, p)
	case p.Region != "":
		return nil, errors.New("--region goes with --stack: say which stack of the region is meant")
	}
	return openFile(ctx, p, mustExist)
}

// Send puts a command on its queue. fresh is false when the queue has seen the
// request within its deduplication window and says so, which SQS does not. A body
// that is not a command is refused: see [command.Decode].
func (d *Deployment) Send(ctx context.Context, body []byte) (fresh bool, err error) {
	c, err := command.Decode(body)
	if err != nil {
		return false, err
	}
	return d.Deliver(ctx, c, body, 0)
}

// Deliver puts a command that was decoded from body on its queue: for the first
// time, or for the nth replay of its request. fresh is as in [Deployment.Send].
func (d *Deployment) Deliver(ctx context.Context, c command.Command, body []byte, replay int) (fresh bool, err error) {
	return d.base.deliver(ctx, c, body, replay)
}

// Settings of the vendors' systems that a deployment works on.
type Settings struct {
	vendors.Settings
	Secrets signin.Vault
}

// Settings reads which systems the deployment works on, and where the secrets
// are. It asks neither.
func (d *Deployment) Settings() (Settings, error) { return d.base.settings() }

// Flags are the arguments that name this deployment on the command line.
func (d *Deployment) Flags() []string { return d.place.Flags() }

// Flags are the arguments that name the place on the command line.
func (p Place) Flags() []string {
	switch {
	case p.Stack == "":
		return []string{"--data", p.Data}
	case p.Region == "":
		return []string{"--stack", p.Stack}
	}
	return []string{"--stack", p.Stack, "--region", p.Region}
}

// Close closes what was opened.
func (d *Deployment) Close() error { return d.base.close() }
