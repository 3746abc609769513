package dream

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"dreamlab/handlers/dream/study"
	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// estimate is what a dry run found out: how much a dream would take, and what it
// would cost at most.
type estimate struct {
	Experiences int       `json:"experiences"`
	Weak        int       `json:"experiences_weak"` // of these, see learn.Sealed
	HeldOut     int       `json:"held_out"`
	Screened    int       `json:"screened"` // rejected before anything is paid for
	Calls       int       `json:"calls"`    // at most, without retries
	CostUSD     money.USD `json:"cost_usd"` // at most
	ExpectedUSD money.USD `json:"expected_usd"`
	Moved       moved     `json:"moved"` // by what sources of rows have returned
	nano        int64
	expected    expected
}

// dryRun looks at the batch that would be sealed, and calls no model. It seals nothing: a dream that the clock starts
// meanwhile, or late feedback, would wait for it.
func (w *worker) dryRun(ctx context.Context, run *tasks.Run, in tasks.DreamInput, d learn.Dream) (
	*tasks.End, error,
) {
	if in.Limit <= 0 {
		in.Limit = tasks.DefaultDreamLimit
	}
	models, err := w.models(ctx, run)
	if err != nil {
		return nil, err
	}
	var sum estimate
	batch, err := run.Store.NextBatch(ctx, d.Tenant, in.Limit, func(e learn.Experience) error {
		return w.addStudy(e, models, &sum)
	})
	if err != nil {
		return nil, fmt.Errorf("look at the batch: %w", err)
	}
	sum.Weak = batch.Weak
	sealed := d
	sealed.Counts.Experiences = sum.Experiences
	likely := sum.expected.of(w.inBatches(sealed), thrifty(d))
	if w.Answers != nil {
		sum.nano += w.Settings.Anticipate.of(d, sum.nano)
		likely += w.Settings.Anticipate.of(d, likely)
	}
	if d.Budget != nil {
		likely = min(likely, *d.Budget)
	}
	sum.CostUSD, sum.ExpectedUSD = money.USD(sum.nano), money.USD(likely)
	if sum.Moved, err = movedBy(ctx, run.Store.Queries, d.Tenant); err != nil {
		return nil, err
	}
	d.Stage = stageDone
	return &tasks.End{Result: plainjson.Of(planResult{Dream: d.ID, DryRun: &sum}), Write: setDream(d)}, nil
}

// models returns the models that would be asked, by role.
func (w *worker) models(ctx context.Context, run *tasks.Run) (map[study.Role]providers.Target, error) {
	models := map[study.Role]providers.Target{}
	for _, role := range study.Roles {
		tiers, err := w.Caller.Resolve(ctx, run.Store.Queries, run.Job.Tenant, w.model(role), "")
		if err != nil {
			return nil, err
		}
		models[role] = tiers[0][0]
	}
	return models, nil
}

// forged returns the answer, by purpose, that brings the most questions: long ones, of which
// neither is found to be good. The number is one that the answer under study gives.
func forged(q study.Question, reference, number string) judge.Answer {
	content := study.VerdictOn(q, 0)
	switch q.Purpose {
	case study.PurposeReplay:
		content = strings.Repeat("x", 4*study.ReplayTokens)
	case study.PurposeImprove: // the last sample is right, or gives the number of the first
		last := map[int]string{1: number, 2: number + "1", 3: cmp.Or(reference, number)}
		n := study.SampleOf(q)
		content = fmt.Sprintf("%s%d\nThe answer is %s", strings.Repeat("no", 2*study.ImproveTokens), n, last[n])
	}
	return judge.Answer{Reply: &providers.Reply{Content: content, Finish: "stop"}}
}

// addStudy adds the questions that one experience can bring.
func (w *worker) addStudy(e learn.Experience, models map[study.Role]providers.Target, sum *estimate) error {
	sum.Experiences++
	one := study.Estimated(e)
	switch one.Rejected() {
	case "":
	case study.HeldOut:
		sum.HeldOut++
		return nil
	default:
		sum.Screened++
		return nil
	}
	number := cmp.Or(judge.Claim(one.Recorded()), "7")
	most := func(q study.Question) judge.Answer { return forged(q, e.Reference, number) }
	err := steps(one, most, func(q study.Question) error { return w.addCall(models[q.Role], &q.Request, sum) })
	if err != nil {
		return err
	}
	return steps(one, one.Usual, func(q study.Question) error {
		alone, batched := one.UsualUsage(q)
		return w.expect(models[q.Role], alone, batched, &sum.expected)
	})
}

// steps hands over the questions that one experience brings, where they are answered so.
func steps(one *study.Study, answer func(study.Question) judge.Answer, each func(study.Question) error) error {
	given := map[string]judge.Answer{}
	for {
		questions, _, err := one.Next(given)
		if err != nil {
			return fmt.Errorf("read an experience: %w", err)
		}
		if len(questions) == 0 {
			return nil
		}
		for _, q := range questions {
			given[q.Step] = answer(q)
			if err := each(q); err != nil {
				return err
			}
		}
	}
}

func (w *worker) addCall(target providers.Target, request *providers.Request, sum *estimate) error {
	sum.Calls++
	if target.Hosted {
		return nil // its hours are booked whether it is asked or not
	}
	model := cmp.Or(target.Priced, target.Model)
	nano, err := w.Prices.Quote(target.Provider, model, request, w.Now())
	if err != nil {
		return tasks.Fail("model_not_found", "the price of %s is not known: add it to the catalogue", target)
	}
	sum.nano += nano
	return nil
}

// expected is what a dream costs as a rule, nano-dollars: live, live in the vendors' slower tiers of service where
// these cost less, and in batches.
type expected struct{ live, slower, batched int64 }

// The studies are not all that a dream pays for: lessons, their proofs and what is made up took from nothing to half
// as much again, where that was measured.
const besideStudies = 1.3

func (e expected) of(batched, slower bool) int64 {
	nano := e.live
	switch {
	case batched:
		nano = e.batched
	case slower:
		nano = e.slower
	}
	return int64(float64(nano) * besideStudies)
}

func (w *worker) expect(target providers.Target, alone, batched providers.Usage, sum *expected) error {
	if target.Hosted {
		return nil
	}
	price, err := w.Prices.Price(target.Provider, cmp.Or(target.Priced, target.Model), w.Now())
	if err != nil {
		return tasks.Fail("model_not_found", "the price of %s is not known: add it to the catalogue", target)
	}
	live := price.Cost(alone)
	slower := live
	if rates := price.Slower(); rates != nil && target.Priced == "" {
		slower = rates.Cost(alone)
	}
	sum.live += live
	sum.slower += slower
	if price.Batch == nil || target.Priced != "" {
		sum.batched += slower
		return nil
	}
	sum.batched += price.Batch.Cost(batched)
	return nil
}
