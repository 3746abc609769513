package tune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/judge"
	"dreamlab/handlers/tune/exam"
	"dreamlab/handlers/tune/hyper"
	"dreamlab/handlers/tune/planted"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// bytesPerToken is what a token of an answer has at most, as a rule.
const bytesPerToken = 4

// pricer does the stage that prices a tune and lets it begin within its budget.
type pricer struct {
	caller        *handlers.Caller
	vendors       Vendors
	prices        priceList
	judge         string
	planted       []planted.Question // of the operator
	hyper         func(m tasks.Method, rows int) tasks.Hyper
	defaultBudget int64 // of a tune that names no budget, nano-dollars; 0: none
	hostingHours  int64
	answerTokens  int
	weights       func(providers.Target) []providers.Target           // other models of the same weights
	bases         func(ctx context.Context, provider string) []string // that a vendor may train or serve
}

func newPricer(d Deps) *pricer {
	s := d.Settings
	return &pricer{
		caller: d.Caller, vendors: d.Vendors, prices: newPriceList(d), judge: s.Judge, planted: s.Planted, hyper: s.hyper,
		defaultBudget: s.Budget,
		hostingHours:  s.HostingHours, answerTokens: s.AnswerTokens, weights: s.SameWeights, bases: s.Bases,
	}
}

// priceList tells what training and answers cost now.
type priceList struct {
	catalogue providers.Pricer
	now       func() time.Time
}

func newPriceList(d Deps) priceList { return priceList{catalogue: d.Prices, now: d.Now} }

// price plans where the tuned model will be trained and served, takes the cheapest way, and
// asks whether all of it is within the budget, before a cent is spent.
func (p *pricer) price(ctx context.Context, c *tuneRun) (*tasks.End, error) {
	offers, err := p.plan(ctx, c)
	if err != nil {
		return nil, err
	}
	c.state.Plan = offers
	best := &offers[0]
	if best.Forbidden != "" || best.Other {
		own := slices.IndexFunc(offers, func(o Offer) bool { return o.Base == c.tune.Base && o.Place == c.base.Provider })
		if c.state.Method == tasks.MethodDPO && c.state.MethodReason != "" {
			return c.withoutPairs(offers[own].Forbidden), nil
		}
		return c.decided(false, "%s", offers[own].Forbidden)
	}
	best.Chosen, c.tune.Base = true, best.Base
	if c.base, err = parseTarget(best.Base); err != nil {
		return nil, err
	}
	incumbent, err := c.incumbent(ctx)
	if err != nil {
		return nil, err
	}
	evaluation, err := p.evaluationBound(ctx, c, incumbent)
	if err != nil {
		return nil, err
	}
	c.state.Bill = &Bill{Training: int64(best.Training), Evaluation: evaluation, Hosting: int64(best.Hosting)}
	return p.moneyGate(ctx, c, *c.state.Bill)
}

// withoutPairs goes back to the choice of rows, where pairs were our choice and nothing can be made of them.
func (c *tuneRun) withoutPairs(forbidden string) *tasks.End {
	c.state.Method, c.state.MethodReason = tasks.MethodSFT, "auto: sft, as dpo is "+forbidden
	c.state.Plan = nil
	return c.next(stageCurate)
}

// hyperOf are the hyper-parameters of a tune.
func (p *pricer) hyperOf(c *tuneRun) tasks.Hyper { return c.hyper(p.hyper, c.state.Rows) }

// hyper are the hyper-parameters of the tune for so many rows, before any place's limits, where sized chooses those that it does
// not name.
func (c *tuneRun) hyper(sized func(tasks.Method, int) tasks.Hyper, rows int) tasks.Hyper {
	h := sized(c.state.Method, rows)
	if c.state.Method == tasks.MethodDPO {
		h.Beta = cmp.Or(c.input.Beta, h.Beta)
	}
	return h
}

// trainRate is what a million tokens of training cost, nano-dollars. A price that
// is not known refuses the tune: it is not zero.
func (p priceList) trainRate(base providers.Target, method tasks.Method) (nano int64, refused string) {
	price, err := p.catalogue.Price(base.Provider, base.Model, p.now())
	if err != nil || price.Train == nil {
		return 0, fmt.Sprintf("refused: price: what training %s costs is not known: add \"train\" to its prices "+
			"in the file of prices", base)
	}
	if method == tasks.MethodDPO && price.TrainPairs != nil {
		return *price.TrainPairs, ""
	}
	return *price.Train, ""
}

// moneyGate lets a tune pass that its budget covers, unless it only asked for the price.
func (p *pricer) moneyGate(ctx context.Context, c *tuneRun, bill Bill) (*tasks.End, error) {
	limit, capped, err := p.limit(ctx, c)
	if err != nil {
		return nil, err
	}
	if why := bill.refusal(limit, capped); why != "" {
		return c.decided(false, "%s", why)
	}
	if c.input.DryRun {
		return c.decided(false, "dry run: %s; %s%s; training at most $%s, evaluation $%s, hosting $%s a month",
			c.rows(), exam.Describe(*c.tune.Exam), describeCheaper(c.tune.Exam.Cheaper), money.USD(bill.Training),
			money.USD(bill.Evaluation), money.USD(bill.Hosting))
	}
	return p.beginTraining(c, limit, capped)
}

// rows says how many rows are trained on, how many of them are not new, and how where that is not by SFT or was left to us.
func (c *tuneRun) rows() string {
	what := fmt.Sprintf("%d rows", c.state.Rows)
	if c.state.Method == tasks.MethodDPO {
		what = fmt.Sprintf("%d preference pairs by dpo", c.state.Rows)
	}
	if m := c.state.Mix; m.Replayed+m.LeftOut > 0 {
		what += fmt.Sprintf(" (%d new, %d replayed, %d of replay left out)", m.New, m.Replayed, m.LeftOut)
	}
	if c.state.MethodReason != "" {
		what += " (" + c.state.MethodReason + ")"
	}
	return what
}

// limit is what may be spent: the tune's own budget, or what is left of the
// tenant's where that is less.
func (p *pricer) limit(ctx context.Context, c *tuneRun) (nano int64, capped bool, err error) {
	nano = p.budget(c)
	capped = nano > 0
	left, limited, err := p.caller.BudgetLeft(ctx, c.run.Store.Book(), book.Entry{
		Tenant: c.tune.Tenant, KeyID: c.run.Job.KeyID, Purpose: purposeTrain,
	})
	if err != nil {
		return 0, false, err
	}
	if limited && (!capped || left < nano) {
		return left, true, nil
	}
	return nano, capped, nil
}

// budget returns what the tune may cost, nano-dollars; 0: no cap of its own.
func (p *pricer) budget(c *tuneRun) int64 {
	if c.input.BudgetUSD == nil {
		return p.defaultBudget
	}
	return max(int64(*c.input.BudgetUSD), 1) // a budget of nothing is not the lack of one
}

// evaluationBound is what evaluating candidate and incumbent costs at most.
func (p *pricer) evaluationBound(ctx context.Context, c *tuneRun, incumbent string) (int64, error) {
	judging, err := p.target(ctx, c, p.judge)
	if err != nil {
		return 0, err
	}
	served, err := p.target(ctx, c, incumbent)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, id := range c.papers() {
		e, err := c.run.Store.Experience(ctx, c.tune.Tenant, id)
		if errors.Is(err, db.ErrNotFound) {
			continue // forgotten meanwhile
		}
		if err != nil {
			return 0, fmt.Errorf("find paper %s: %w", id, err)
		}
		bound, err := p.questionBound(e, judging, c.base, served)
		if err != nil {
			return 0, err
		}
		sum = plus(sum, bound)
	}
	questions, err := c.planted(ctx, p.planted)
	if err != nil {
		return 0, err
	}
	for _, q := range questions {
		req := question(q.Messages(), p.answerTokens)
		bound, err := p.prices.bound(c.base, &req)
		if err != nil {
			return 0, err
		}
		sum = plus(sum, bound)
	}
	return sum, nil
}

func (p *pricer) questionBound(e learn.Experience, judging providers.Target, answering ...providers.Target) (
	int64, error,
) {
	req := question(e.Prompt, p.answerTokens)
	var sum int64
	for _, target := range answering {
		bound, err := p.prices.bound(target, &req)
		if err != nil {
			return 0, err
		}
		sum = plus(sum, bound)
	}
	maxAnswer := strings.Repeat("x", bytesPerToken*p.answerTokens)
	judged, err := judge.Request(judge.Case{
		Prompt: e.Prompt, Reference: rightAnswer(e), First: maxAnswer, Second: maxAnswer,
	})
	if err != nil {
		return 0, err
	}
	bound, err := p.prices.bound(judging, &judged)
	return plus(sum, times(bound, 2)), err
}

// target finds one model, with the name under which it is priced.
func (p *pricer) target(ctx context.Context, c *tuneRun, name string) (providers.Target, error) {
	tiers, err := p.caller.Resolve(ctx, c.run.Store.Queries, c.tune.Tenant, name, "")
	if err != nil {
		return providers.Target{}, err
	}
	return tiers[0][0], nil
}

// bound is what a request can cost.
func (p priceList) bound(target providers.Target, req *providers.Request) (int64, error) {
	if target.Hosted {
		return 0, nil // its hours are booked whether it is asked or not
	}
	nano, err := p.catalogue.Quote(target.Provider, cmp.Or(target.Priced, target.Model), req, p.now())
	if err != nil {
		return 0, tasks.Fail("model_not_found", "bound the cost of %s: %v", target, err)
	}
	return nano, nil
}

// beginTraining makes the training's row and the job that starts it.
func (p *pricer) beginTraining(c *tuneRun, limit int64, capped bool) (*tasks.End, error) {
	spec := tasks.TrainingSpec{
		Method: c.state.Method, Hyper: hyper.Fit(p.hyperOf(c), c.way().Rank), SHA256: c.state.SHA256, Object: c.state.Object,
		Bytes: c.state.Bytes, Dataset: c.tune.Dataset, Place: c.base.Provider, Weights: c.way().Weights,
	}
	if capped {
		c.state.Cap = limit
		spec.Budget = max(limit-c.state.Bill.Evaluation-c.state.Bill.Hosting, 1)
	}
	start := child(&c.run.Job, tasks.TuneStart, nil)
	start.ID = db.NewID("job_")
	training := learn.Training{
		ID: db.NewID("ftjob-"), Tenant: c.tune.Tenant, Tune: c.tune.ID, Job: start.ID,
		Provider: c.way().Trainer, Base: c.base.Model, Status: statusValidating, Spec: plainjson.Of(spec),
	}
	training.Suffix = suffix(training.ID, spec.SHA256, trainSpec(training, spec))
	start.Subject = training.ID
	start.Input = plainjson.Of(tasks.TrainInput{Training: training.ID, Tune: c.tune.ID})
	c.tune.Training = training.ID
	c.tune.Stage = stageUpload
	return &tasks.End{
		State: job.StateWaiting, Children: []job.NewJob{start},
		Write: func(ctx context.Context, q *store.Queries) error {
			if err := q.AddTraining(ctx, training); err != nil {
				return fmt.Errorf("keep training: %w", err)
			}
			return c.write(ctx, q)
		},
	}, nil
}

// Bill is what a tune is going to cost at most, nano-dollars.
type Bill struct {
	Training   int64 `json:"training"`
	Evaluation int64 `json:"evaluation"`
	Hosting    int64 `json:"hosting"` // a month, at the configured hours
}

func (b Bill) total() int64 { return plus(plus(b.Training, b.Evaluation), b.Hosting) }

// refusal says why a bill is not paid, or "" where it fits. Without a cap
// everything fits.
func (b Bill) refusal(limit int64, capped bool) string {
	switch {
	case !capped:
		return ""
	case limit <= 0:
		return "refused: budget is used up: raise it, or wait for its next period"
	case b.Hosting > limit:
		return fmt.Sprintf("refused: hosting would cost $%s a month, over the budget of $%s",
			money.USD(b.Hosting), money.USD(limit))
	case b.total() > limit:
		return fmt.Sprintf("refused: budget of $%s does not cover training ($%s), evaluation ($%s) and a month "+
			"of hosting ($%s)", money.USD(limit), money.USD(b.Training), money.USD(b.Evaluation),
			money.USD(b.Hosting))
	}
	return ""
}

// plus adds amounts; what outgrows 64 bits stays at the largest.
func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// times multiplies an amount; what outgrows 64 bits stays at the largest.
func times(nano, n int64) int64 {
	high, low := bits.Mul64(uint64(max(nano, 0)), uint64(max(n, 0)))
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}

// trainingBound is tokens times epochs at a rate per million, rounded up.
func trainingBound(tokens int64, epochs int, rate int64) int64 {
	product := times(times(tokens, int64(epochs)), rate)
	if product == math.MaxInt64 {
		return product
	}
	return (product + 999_999) / 1_000_000
}
