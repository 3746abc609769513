package dream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/money"
	"dreamlab/tasks"
)

// bound is what a dry run found out: what a dream would take, and what it
// would cost at most.
type bound struct {
	Experiences int       `json:"experiences"`
	HeldOut     int       `json:"held_out"`
	Screened    int       `json:"screened"` // rejected before anything is paid for
	Calls       int       `json:"calls"`    // at most, without retries
	CostUSD     money.USD `json:"cost_usd"` // at most
	nano        int64
}

// dryRun seals the batch in a transaction that it takes back, and calls nobody.
func (w *worker) dryRun(ctx context.Context, run *tasks.Run, in tasks.DreamInput, d store.Dream) (
	*tasks.End, error,
) {
	if in.Limit <= 0 {
		in.Limit = tasks.DefaultDreamLimit
	}
	lead, base, err := w.team(ctx, run)
	if err != nil {
		return nil, err
	}
	var b bound
	err = run.Tx(ctx, store.Relaxed, func(q *store.Queries) error {
		b = bound{}
		if _, err := q.SealBatch(ctx, d.Tenant, d.ID, in.Limit); err != nil {
			return fmt.Errorf("seal the batch: %w", err)
		}
		if err := w.estimate(ctx, q, d, lead, base, &b); err != nil {
			return err
		}
		return errDry
	})
	if !errors.Is(err, errDry) {
		return nil, err
	}
	b.CostUSD = money.USD(b.nano)
	d.Stage = stageDone
	return &tasks.End{Result: encode(planResult{Dream: d.ID, DryRun: &b}), Write: setDream(d)}, nil
}

// team finds out who would be asked.
func (w *worker) team(ctx context.Context, run *tasks.Run) (lead, base providers.Target, err error) {
	for name, target := range map[string]*providers.Target{w.Lead: &lead, w.Base: &base} {
		tiers, err := w.Caller.Resolve(ctx, run.Store.Queries, run.Job.Tenant, name, "")
		if err != nil {
			return lead, base, err
		}
		*target = tiers[0][0]
	}
	return lead, base, nil
}

func (w *worker) estimate(
	ctx context.Context, q *store.Queries, d store.Dream, lead, base providers.Target, b *bound,
) error {
	page := store.Page{Limit: batchPage, Ascending: true}
	for {
		rows, more, err := q.Experiences(ctx, d.Tenant, store.ExperienceFilter{Dream: d.ID}, page)
		if err != nil {
			return fmt.Errorf("read the batch: %w", err)
		}
		for _, e := range rows {
			if err := w.price(e, lead, base, b); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		page.After = rows[len(rows)-1].ID
	}
}

// price adds what one experience can cost: a replay and two judgements.
func (w *worker) price(e store.Experience, lead, base providers.Target, b *bound) error {
	b.Experiences++
	if e.HeldOut {
		b.HeldOut++
		return nil
	}
	p := newPaper(e)
	if p.screen() != "" {
		b.Screened++
		return nil
	}
	var messages []providers.Message
	if err := json.Unmarshal(p.prompt, &messages); err != nil {
		return fmt.Errorf("read an experience: %w", err)
	}
	replay := providers.Request{Messages: messages, MaxTokens: replayTokens}
	judgement, err := judge.Request(judge.Case{
		Prompt: p.prompt, First: p.answer, Second: strings.Repeat("x", 4*replayTokens), Reference: p.Reference,
	})
	if err != nil {
		return err
	}
	if err := w.charge(base, &replay, 1, b); err != nil {
		return err
	}
	return w.charge(lead, &judgement, 2, b)
}

func (w *worker) charge(target providers.Target, request *providers.Request, times int, b *bound) error {
	b.Calls += times
	if target.Hosted {
		return nil // its hours are on the books, whoever asks
	}
	model := cmp.Or(target.Priced, target.Model)
	nano, err := w.Prices.Quote(target.Provider, model, request, time.Now())
	if err != nil {
		return tasks.Fail("model_not_found", "the price of %s is not known: add it to the catalogue", target)
	}
	b.nano += int64(times) * nano
	return nil
}
