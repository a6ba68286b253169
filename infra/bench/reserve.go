package main

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-lambda-go/events"
	"golang.org/x/sync/errgroup"

	"dialtone/shared/sipaddr"
)

const budgetAttempts = 1.1

// countAttempts lets many workers, each a handler of its own, reserve numbers
// of one pool at the same time.
func (b *bench) countAttempts(ctx context.Context) error {
	store, err := b.newStore(ctx)
	if err != nil {
		return err
	}
	counted := &reservations{Store: store}
	users, err := b.signedIn(ctx, b.reserves)
	if err != nil {
		return err
	}
	all, err := batches(siteReserve, users, 1)
	if err != nil {
		return err
	}
	queue := make(chan events.SQSEvent, len(all))
	for _, e := range all {
		queue <- e
	}
	close(queue)
	g, work := errgroup.WithContext(ctx)
	for range b.workers {
		h, err := b.newHandler(counted)
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		g.Go(func() error {
			for e := range queue {
				if err := deliver(work, h, []events.SQSEvent{e}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	shared, err := b.shared(ctx, users)
	if err != nil {
		return err
	}
	n := float64(b.reserves)
	pins, claims := float64(counted.pins.Load())/n, float64(counted.claims.Load())/n
	b.row("reserve attempts per assign, many workers on one pool", max(pins, claims), budgetAttempts, "")
	b.row("users without a number of their own after that", float64(shared), 0, "")
	b.figure("reserve attempts: %d workers, %d users, %d numbers: pins per assign %.3f, claims per assign %.3f", b.workers, b.reserves, b.numbers, pins, claims)
	return nil
}

// shared counts the users who have no number in Skype for Business, or one that
// another of them has too.
func (b *bench) shared(ctx context.Context, users []sipaddr.User) (int, error) {
	published, err := b.sims.published(ctx, directory)
	if err != nil {
		return 0, err
	}
	var numbers []string
	for _, u := range users {
		if n := published[string(u)]; n != "" {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return len(users) - len(slices.Compact(numbers)), nil
}
