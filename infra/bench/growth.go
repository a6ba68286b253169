package main

import (
	"context"
	"encoding/json"
	"errors"
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
	if b.store != "memory" {
		b.row("CPU per assign, "+from, large.cpu.over(small.cpu).median(), budgetGrowth, "x")
	}
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
	share := min(len(here)/2, b.people/100)
	return a, settle(ctx, store, people, func(i int) (e164.Number, string) {
		if i < share {
			return here[2*i], siteGrowth
		}
		return e164.Number(fmt.Sprintf("+1999%07d", i)), strconv.Itoa(i / share)
	})
}

// crowd assigns numbers at a location where a whole page of them is given away.
func (b *bench) crowd(ctx context.Context) error {
	store, err := b.newStore(ctx)
	if err != nil {
		return err
	}
	here, err := b.listed(ctx, webexsim.LocationID(siteCrowded))
	if err != nil {
		return err
	}
	page := pageSize * b.numbers
	err = settle(ctx, store, page, func(i int) (e164.Number, string) { return here[i], siteCrowded })
	if err != nil {
		return err
	}
	m := &meter{Store: store}
	h, err := b.newHandler(m)
	if err != nil {
		return err
	}
	before, asked := calls{}, operations{}
	for round := range b.rounds + 1 {
		if round == 1 { // what the handler learned in the first round counts
			if before, err = b.sims.calls(ctx); err != nil {
				return err
			}
			asked = m.count()
		}
		users, err := b.signedIn(ctx, batchSize)
		if err != nil {
			return err
		}
		all, err := batches(siteCrowded, users, batchSize)
		if err != nil {
			return err
		}
		if err := deliver(ctx, h, all); err != nil {
			return err
		}
	}
	after, err := b.sims.calls(ctx)
	if err != nil {
		return err
	}
	n := float64(b.rounds)
	b.row("Webex calls per batch of 10 at a crowded location", float64(after.since(before).webex)/n, budgetWebex, "")
	o := m.count().since(asked)
	b.figure("crowded location, %d of %d numbers given away, per batch: lists %.1f, items listed %.1f", page, len(here), float64(o.lists)/n, float64(o.listed)/n)
	return nil
}

// listed are the numbers of a location that Webex calls available.
func (b *bench) listed(ctx context.Context, location string) ([]e164.Number, error) {
	var all []e164.Number
	for n, err := range b.clients.Webex.AvailableNumbers(ctx, webex.AvailableNumbersOptions{LocationID: location}) {
		if err != nil {
			return nil, err
		}
		if !n.MainNumber {
			all = append(all, n.PhoneNumber)
		}
	}
	return all, nil
}

// settle writes what stands in a ledger in which n people were given a number
// at a site. The items are those of the ledger itself, without the steps that
// lead there.
func settle(ctx context.Context, store ledger.Store, n int, given func(i int) (e164.Number, string)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	for i := range n {
		number, site := given(i)
		u := sipaddr.User(fmt.Sprintf("settled%06d@contoso.test", i))
		g.Go(func() error { return settleOne(ctx, store, u, number, webexsim.LocationID(site)) })
	}
	return g.Wait()
}

func settleOne(ctx context.Context, store ledger.Store, u sipaddr.User, n e164.Number, location string) error {
	request := command.Key{Source: "bench", ID: "for-" + string(u)}
	person := ledger.Item{Key: ledger.Key{Kind: ledger.KindPerson, ID: string(u)}}
	number := ledger.Item{Key: ledger.Key{Kind: ledger.KindNumber, ID: string(n)}, Index: "location/" + location, Sort: string(n)}
	var err1, err2 error
	person.Data, err1 = json.Marshal(ledger.Person{User: u, Lines: map[command.PhoneType]ledger.Line{
		command.Work: {State: ledger.LineAssigned, Number: n, LocationID: location, Request: request},
	}})
	number.Data, err2 = json.Marshal(ledger.Number{
		Number: n, LocationID: location, State: ledger.Assigned, User: u, PhoneType: command.Work, Request: request,
	})
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return errors.Join(store.Put(ctx, person), store.Put(ctx, number))
}
