package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"dialtone/infra/local/lambdahost"
)

// measure starts every function in turns, the first of which is the empty one.
// What does not start is left out from then on.
func measure(ctx context.Context, s settings, all []*function, progress io.Writer) error {
	fmt.Fprintf(progress, "start %d functions, %d times each\n", len(all), s.runs)
	empty := all[0]
	for round := range s.runs + 1 {
		for i := range all {
			f := all[(round+i)%len(all)]
			if err := f.start(ctx, s.env, round > 0); err != nil {
				return err
			}
		}
		if empty.fault != nil {
			return fmt.Errorf("empty function: %w", empty.fault)
		}
	}
	for _, f := range all {
		if f.fault == nil {
			f.ratios = f.starts.over(empty.starts)
		}
	}
	return nil
}

// start starts the function once. That it does not start is no error here.
func (f *function) start(ctx context.Context, env map[string]string, counts bool) error {
	if f.fault != nil {
		return nil
	}
	h, err := lambdahost.New(lambdahost.Config{Binary: f.binary, Env: env, Output: io.Discard, Name: f.name, Grace: time.Second})
	if err != nil {
		return err
	}
	defer func() { _ = h.Shutdown(ctx) }()
	begun, err := h.Provision(ctx)
	if fault, ok := errors.AsType[*lambdahost.Error](err); ok {
		f.fault = fault
		return nil
	}
	if err != nil || !counts {
		return err
	}
	f.starts = append(f.starts, float64(begun.Duration)/float64(time.Millisecond))
	if bytes, err := resident(ctx, begun.PID); err == nil {
		f.memory = append(f.memory, float64(bytes)/(1<<20))
	}
	return nil
}

// spread is one figure in several rounds.
type spread []float64

// quantile returns the least figure that so large a share of all does not
// exceed; NaN of none.
func (s spread) quantile(share float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	rank := int(math.Ceil(share * float64(len(s))))
	return slices.Sorted(slices.Values(s))[max(rank, 1)-1]
}

// median is the middle figure, or the mean of the middle two; NaN of none.
func (s spread) median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(len(s)-1)/2] + sorted[len(s)/2]) / 2
}

// over returns the ratios of figures taken in the same rounds.
func (s spread) over(other spread) spread {
	ratios := make(spread, len(s))
	for i := range s {
		ratios[i] = s[i] / other[i]
	}
	return ratios
}
