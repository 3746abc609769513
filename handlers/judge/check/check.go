// Package check measures a judge on pairs of answers of which it is known which is better: how
// often it agrees, and what else than quality its verdicts follow. It asks through a function that
// its caller gives, and stores nothing.
package check

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/store/money"
)

// Ask asks the judge, and returns what the answer cost.
type Ask func(ctx context.Context, req providers.Request) (*providers.Reply, money.USD, error)

// Options say how a judge is measured.
type Options struct {
	// AtOnce is how many pairs are judged at the same time. Defaults to 4.
	AtOnce int
	// Budget bounds what it costs: no further pair is begun that could exceed it by what the dearest pair has
	// cost. Defaults to no bound.
	Budget money.USD
	// Judged is called after each pair. Defaults to nothing.
	Judged func(done int)
}

// ruling is what a judge made of one pair: Better is the first answer.
type ruling struct {
	pair      Pair
	outcome   judge.Outcome
	calls     int
	malformed int  // answers without a verdict that could be read
	readable  bool // both orders have a verdict
}

// Measure has each pair judged in both orders. It fails where the judge cannot be asked; what was judged before
// is in the result.
func Measure(ctx context.Context, ask Ask, pairs []Pair, o Options) (Result, error) {
	if o.AtOnce <= 0 {
		o.AtOnce = 4
	}
	m := &measurement{ask: ask, options: o, rulings: make([]*ruling, len(pairs))}
	ctx, m.stop = context.WithCancelCause(ctx)
	defer m.stop(nil)
	next := make(chan int)
	var workers sync.WaitGroup
	for range o.AtOnce {
		workers.Go(func() {
			for i := range next {
				m.rule(ctx, i, pairs[i])
			}
		})
	}
	for i := range pairs {
		if !m.may(ctx) {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	return m.result(), m.failure()
}

// measurement is a measurement under way.
type measurement struct {
	ask     Ask
	options Options
	stop    context.CancelCauseFunc

	mu       sync.Mutex
	rulings  []*ruling
	done     int
	spent    money.USD
	dearest  money.USD
	running  int
	overdrew bool
	fault    error
}

// may tells whether another pair may begin, and counts it as begun. The first pair tells what one costs.
func (m *measurement) may(ctx context.Context) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil || m.fault != nil {
		return false
	}
	most := m.spent + m.dearest*money.USD(m.running+1)
	if m.options.Budget > 0 && (most > m.options.Budget || m.spent >= m.options.Budget) {
		m.overdrew = true
		return false
	}
	m.running++
	return true
}

// rule judges one pair.
func (m *measurement) rule(ctx context.Context, i int, pair Pair) {
	r, cost, err := m.judge(ctx, pair)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running--
	m.spent += cost
	m.dearest = max(m.dearest, cost)
	if err != nil {
		if m.fault == nil {
			m.fault = err
		}
		m.stop(err)
		return
	}
	m.rulings[i] = r
	m.done++
	if m.options.Judged != nil {
		m.options.Judged(m.done)
	}
}

func (m *measurement) judge(ctx context.Context, pair Pair) (r *ruling, cost money.USD, err error) {
	r = &ruling{pair: pair}
	given := map[string]judge.Answer{}
	put := judge.Case{Prompt: pair.prompt(), First: pair.Better, Second: pair.Worse}
	for {
		outcome, asked, err := judge.Next(put, "pair", given)
		if errors.Is(err, judge.ErrMalformed) {
			return r, cost, nil
		}
		if err != nil {
			return r, cost, fmt.Errorf("judge a pair: %w", err)
		}
		if len(asked) == 0 {
			r.outcome, r.readable = outcome, true
			return r, cost, nil
		}
		reply, nano, err := m.ask(ctx, asked[0].Request)
		cost += nano
		if err != nil {
			return r, cost, fmt.Errorf("ask the judge: %w", err)
		}
		r.calls++
		if _, err := judge.Parse(reply); err != nil {
			r.malformed++
		}
		given[asked[0].Step] = judge.Answer{Reply: reply}
	}
}

func (m *measurement) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fault
}

func (m *measurement) result() Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := resultOf(m.rulings)
	r.CostUSD, r.OverBudget = m.spent, m.overdrew
	return r
}
