// SPDX-License-Identifier: MPL-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"mashproxy/bench/rig"
)

// plan is how throughput is measured.
type plan struct {
	rounds int
	lasts  time.Duration
}

// figures are what one round found out of one target.
type figures struct {
	perSecond float64
	p50, p99  float64 // in microseconds, as the next one
	cpu       float64 // of the proxy, a call
}

// throughput measures all targets in turns, so that what else the machine does
// befalls all alike.
func (p plan) throughput(ctx context.Context, targets []target, connections int) (map[string][]figures, error) {
	rounds := make(map[string][]figures)
	for range p.rounds {
		for _, t := range targets {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			found, err := t.measure(connections, p.lasts)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			rounds[t.name] = append(rounds[t.name], found)
		}
	}
	return rounds, nil
}

func (t target) measure(connections int, lasts time.Duration) (figures, error) {
	before, err := t.usage()
	if err != nil {
		return figures{}, err
	}
	found, err := load(t.url, connections, lasts)
	if err != nil {
		return figures{}, err
	}
	after, err := t.usage()
	if err != nil {
		return figures{}, err
	}
	return figures{
		perSecond: found.perSecond(),
		p50:       microseconds(found.quantile(0.50)),
		p99:       microseconds(found.quantile(0.99)),
		cpu:       microseconds(after.CPU-before.CPU) / float64(found.made),
	}, nil
}

func (t target) usage() (rig.Usage, error) {
	if t.proxy == nil {
		return rig.Usage{}, nil
	}
	return t.proxy.Usage()
}

// allocations is how often the target's proxy allocates for a call.
func (t target) allocations(ctx context.Context, lasts time.Duration) (float64, error) {
	if t.mallocs == nil {
		return 0, nil
	}
	before, err := t.mallocs(ctx)
	if err != nil {
		return 0, err
	}
	found, err := load(t.url, 1, lasts)
	if err != nil {
		return 0, err
	}
	after, err := t.mallocs(ctx)
	return (after - before) / float64(found.made), err
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// median is the middle one of the rounds' figures.
func median(rounds []figures, of func(figures) float64) float64 {
	values := make([]float64, len(rounds))
	for i, round := range rounds {
		values[i] = of(round)
	}
	return middle(values)
}

// medianRatio is the middle one of the ratios of two targets' figures, each of
// the same round.
func medianRatio(rounds, base []figures, of func(figures) float64) float64 {
	ratios := make([]float64, min(len(rounds), len(base)))
	for i := range ratios {
		ratios[i] = of(rounds[i]) / of(base[i])
	}
	return middle(ratios)
}

func middle[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
