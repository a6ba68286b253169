package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"golang.org/x/sync/errgroup"

	"dialtone/functions/change-number/changenumber"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
	"dialtone/shared/webex"
)

const (
	budgetGrowth = 1.1

	// growthUsers is how many users get a number in a round on each ledger.
	growthUsers = 2 * batchSize

	// writers at a time share the disk syncs of the store.
	writers = 128
)

// aged is a ledger that has people and numbers in it already.
type aged struct {
	people  int
	meter   *meter
	handler *changenumber.Handler

	cpu, wall  spread // milliseconds per assign
	operations operations
}

// compareLedgers assigns numbers in turns on an empty, a small and a large
// ledger.
func (b *bench) compareLedgers(ctx context.Context) error {
	small, large := b.people/100, b.people
	var all []*aged
	for _, people := range []int{0, small, large} {
		a, err := b.newAged(ctx, people)
		if err != nil {
			return err
		}
		all = append(all, a)
	}
	for round := range b.rounds + 1 {
		for _, a := range all {
			if err := b.grow(ctx, a, round > 0); err != nil { // the first round warms up
				return err
			}
		}
	}
	b.grown(all[1], all[2])
	b.figure("ledgers of different sizes, per assign in batches of %d:", batchSize)
	n := float64(b.rounds * growthUsers)
	for _, a := range all {
		o := a.operations
		b.figure("  %6d people: reads %.2f, writes %.2f, lists %.2f, items listed %.2f;  CPU ms: %s;  wall ms: %s", a.people,
			float64(o.gets)/n, float64(o.puts)/n, float64(o.lists)/n, float64(o.listed)/n, a.cpu, a.wall)
	}
	return nil
}

func (b *bench) grown(small, large *aged) {
	from := fmt.Sprintf("%d -> %d people", small.people, large.people)
	b.row("ledger operations per assign, "+from, float64(large.operations.total())/float64(small.operations.total()), budgetGrowth, "x")
	b.row("CPU per assign, "+from, large.cpu.over(small.cpu).median(), budgetGrowth, "x")
}

// grow assigns numbers for new users on one ledger.
func (b *bench) grow(ctx context.Context, a *aged, counts bool) error {
	users, err := b.signedIn(ctx, growthUsers)
	if err != nil {
		return err
	}
	all, err := batches(siteGrowth, users, batchSize)
	if err != nil {
		return err
	}
	before := a.meter.count()
	c, err := costOf(func() error { return deliver(ctx, a.handler, all) })
	if err != nil || !counts {
		return err
	}
	a.cpu = append(a.cpu, ms(c.cpu)/growthUsers)
	a.wall = append(a.wall, ms(c.wall)/growthUsers)
	a.operations = a.operations.plus(a.meter.count().since(before))
	return nil
}

// newAged returns a ledger in which so many people have a number: at the
// location that is measured every second number is given away, and the other
// people are spread over other locations of that size.
func (b *bench) newAged(ctx context.Context, people int) (*aged, error) {
	store, err := b.newStore(ctx)
	if err != nil {
		return nil, err
	}
	a := &aged{people: people, meter: &meter{Store: store}}
	if a.handler, err = b.newHandler(a.meter); err != nil {
		return nil, err
	}
	here, err := b.listed(ctx, webexsim.LocationID(siteGrowth))
	if err != nil {
		return nil, err
	}
	var g errgroup.Group
	g.SetLimit(writers)
	share := min(len(here)/2, b.people/100)
	for i := range people {
		number, location := e164.Number(fmt.Sprintf("+1999%07d", i)), webexsim.LocationID(strconv.Itoa(i/share))
		if i < share {
			number, location = here[2*i], webexsim.LocationID(siteGrowth)
		}
		user := sipaddr.User(fmt.Sprintf("settled%06d@contoso.test", i))
		g.Go(func() error { return settle(ctx, store, user, number, location) })
	}
	return a, g.Wait()
}

// listed are the numbers of a location that Webex calls available.
func (b *bench) listed(ctx context.Context, location string) ([]e164.Number, error) {
	var all []e164.Number
	for n, err := range b.cloud.AvailableNumbers(ctx, webex.AvailableNumbersOptions{LocationID: location}) {
		if err != nil {
			return nil, err
		}
		if !n.MainNumber {
			all = append(all, n.PhoneNumber)
		}
	}
	return all, nil
}

// settle writes what stands in the ledger of a user who was given a number. The
// writes are those of the ledger itself, without the steps that lead there.
func settle(ctx context.Context, store ledger.Store, u sipaddr.User, n e164.Number, location string) error {
	request := command.Key{Source: "bench", ID: "for-" + string(u)}
	person := ledger.Person{User: u, Lines: map[command.PhoneType]ledger.Line{
		command.Work: {State: ledger.LineAssigned, Number: n, LocationID: location, Request: request},
	}}
	number := ledger.Number{
		Number: n, LocationID: location, State: ledger.Assigned, User: u, PhoneType: command.Work, Request: request,
	}
	for _, i := range []struct {
		item  ledger.Item
		state any
	}{
		{ledger.Item{Key: ledger.Key{Kind: ledger.KindPerson, ID: string(u)}}, person},
		{ledger.Item{Key: ledger.Key{Kind: ledger.KindNumber, ID: string(n)}, Index: "location/" + location, Sort: string(n)}, number},
	} {
		var err error
		if i.item.Data, err = json.Marshal(i.state); err != nil {
			return err
		}
		if err := store.Put(ctx, i.item); err != nil {
			return err
		}
	}
	return nil
}
