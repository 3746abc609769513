package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// flood is two tenants that send far more jobs than the lane can serve, and a third one with
// few chats.
type flood struct {
	name    string
	heavy   string // the tenant with the larger weight
	light   string
	quiet   string // the tenant with few chats; "" for none
	weights [2]int
}

const (
	floods = 2 // one among the faults, one after them
	// floodJobs is how many jobs each of the two sends.
	floodJobs = 300
	// floodClients is the number of concurrent requests of both together.
	floodClients = 32
	// floodCap lets each of them fill the lane: their weights limit them, not their caps.
	floodCap = window
)

// floodWeights are the weights of the two in the fleet's settings.
var floodWeights = [2]int{3, 1}

// flood lets two tenants flood the lane of the chats, beside a quiet one if there is one. An
// eighth of the jobs are cancelled as soon as they are accepted. It returns when none of them
// is queued any more.
func (c *load) flood(ctx context.Context, name string, first int, quiet bool) error {
	l := c.lab
	f := flood{name: name, heavy: l.owners[first], light: l.owners[first+1], weights: floodWeights}
	flooding, end := context.WithCancel(ctx)
	var beside sync.WaitGroup
	if quiet {
		f.quiet = l.owners[0]
		beside.Go(func() { c.sendSlowly(flooding) })
	}
	var all errgroup.Group // bounds the requests; none returns an error
	all.SetLimit(floodClients)
	for i := range 2 * floodJobs {
		all.Go(func() error {
			a := c.askOf("flood", first+i%2)
			if id := c.job(ctx, a); id != "" && a.number%8 == 0 {
				c.cancel(ctx, a, id)
			}
			return nil
		})
	}
	err := errors.Join(all.Wait(), l.drained(ctx, f))
	end()
	beside.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.floods = append(c.floods, f)
	return err
}

// drained waits until no job of a flood is queued.
func (l *lab) drained(ctx context.Context, f flood) error {
	ctx, cancel := context.WithTimeout(ctx, calmWait)
	defer cancel()
	for {
		queues, err := l.store.Queues(ctx)
		left := 0
		for _, q := range queues {
			if q.Tenant == f.heavy || q.Tenant == f.light {
				left += q.Queued
			}
		}
		if err == nil && left == 0 {
			return nil
		}
		if !pause(ctx, 200*time.Millisecond) {
			return fmt.Errorf("%d jobs of the %s flood are still queued after %s", left, f.name, calmWait)
		}
	}
}

// sendSlowly sends one chat after the other, with a pause.
func (c *load) sendSlowly(ctx context.Context) {
	for pause(ctx, 50*time.Millisecond) {
		c.chat(ctx, c.askOf("quiet", 0))
	}
}
