package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	budgetWall = 1.3

	// maxWallRounds bounds the rounds, which take a second each.
	maxWallRounds = 5
)

// timeBatches times batches of one and of ten in turns while the vendors take
// their time.
func (b *bench) timeBatches(ctx context.Context) error {
	store, err := b.newStore(ctx)
	if err != nil {
		return err
	}
	h, err := b.newHandler(store)
	if err != nil {
		return err
	}
	rounds := min(b.rounds, maxWallRounds)
	users, err := b.signedIn(ctx, (rounds+1)*(batchSize+1))
	if err != nil {
		return err
	}
	timed := func(n int) (float64, error) {
		all, err := batches(siteBatch, users[:n], batchSize)
		users = users[n:]
		if err != nil {
			return 0, err
		}
		start := time.Now()
		err = deliver(ctx, h, all)
		return ms(time.Since(start)), err
	}
	var one, ten spread
	for round := range rounds + 1 {
		if round == 1 { // the first warms up
			one, ten = nil, nil
			if err := b.sims.setLatency(ctx, b.latency); err != nil {
				return err
			}
		}
		t1, err1 := timed(1)
		t10, err10 := timed(batchSize)
		if err := errors.Join(err1, err10); err != nil {
			return err
		}
		one, ten = append(one, t1), append(ten, t10)
	}
	ratio := ten.over(one)
	b.row(fmt.Sprintf("wall of a batch of 10 over that of 1, at %s latency", b.latency), ratio.median(), budgetWall, "x")
	b.figure("wall ms at %s latency: one user: %s;  ten users: %s;  ratio: %s", b.latency, one, ten, ratio)
	return b.sims.setLatency(ctx, 0)
}
