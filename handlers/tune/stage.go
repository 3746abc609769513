package tune

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dreamlab/handlers/tune/shadow"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// The stages of a tune, in order, as the API shows them.
const (
	stageCurate   = "curate"
	stagePrice    = "price"
	stageUpload   = "upload"
	stageTrain    = "train"
	stageDeploy   = "deploy"
	stageEvaluate = "evaluate"
	stageCanary   = "canary"
	stageDone     = "done"
)

// state is what one stage leaves to the next.
type state struct {
	// Method is what the rows are for. MethodReason says why it was taken where that was left to us.
	Method       tasks.Method `json:"method,omitempty"`
	MethodReason string       `json:"method_reason,omitempty"`

	// Mix is what of the rows is new and what is replayed.
	Mix *learn.Mix `json:"mix,omitempty"`

	Rows   int     `json:"rows,omitempty"`
	Tokens int64   `json:"tokens,omitempty"` // of the dataset, estimated
	Object string  `json:"object,omitempty"`
	SHA256 string  `json:"sha256,omitempty"`
	Bytes  int64   `json:"bytes,omitempty"`
	Bill   *Bill   `json:"bill,omitempty"`
	Plan   []Offer `json:"plan,omitempty"`
	Source *source `json:"source,omitempty"` // what it registers at another place, where nothing is trained
	Cap    int64   `json:"cap,omitempty"`    // nano-dollars for all of it; 0: none
	// Papers and Regression are the experiences of the exam: drawn by the seed, and of every exam.
	Papers     []string `json:"papers,omitempty"`
	Regression []string `json:"regression,omitempty"`
	Seed       int64    `json:"seed,omitempty"`

	Starting   int             `json:"starting,omitempty"`   // how often the incumbent was seen not to run yet
	Evaluation string          `json:"evaluation,omitempty"` // evl_… under way
	Candidate  string          `json:"candidate,omitempty"`  // provider/model
	Incumbent  string          `json:"incumbent,omitempty"`
	Verdict    *learn.Decision `json:"verdict,omitempty"` // to be carried out
	Canary     string          `json:"canary,omitempty"`  // can_…, once it has begun
	Pairs      shadow.Progress `json:"pairs,omitzero"`
	Stops      int             `json:"stops,omitempty"` // how often the vendor was asked to stop
}

// tuneRun is a tune under way, as one wake sees it.
type tuneRun struct {
	run   *tasks.Run
	tune  learn.Tune
	state state
	input tasks.TuneInput
	base  providers.Target
}

// runOf reads a tune's row. Where the tune names no base, it is the one given.
func runOf(ctx context.Context, run *tasks.Run, id, base string) (*tuneRun, error) {
	tune, err := run.Store.Tune(ctx, run.Job.Tenant, id)
	if err != nil {
		return nil, fmt.Errorf("find tune %s: %w", id, err)
	}
	c := &tuneRun{run: run, tune: tune}
	if len(tune.State) > 0 {
		if err := json.Unmarshal(tune.State, &c.state); err != nil {
			return nil, tasks.Fail("internal", "the stored state of %s can not be read: start another tune", id)
		}
	}
	c.tune.Base = cmp.Or(c.tune.Base, base)
	c.base, err = parseTarget(c.tune.Base)
	return c, err
}

// way is what the plan chose: where there is no plan, the base's vendor trains.
func (c *tuneRun) way() Offer {
	for _, o := range c.state.Plan {
		if o.Chosen {
			return o
		}
	}
	return Offer{Trainer: c.base.Provider}
}

func parseTarget(name string) (providers.Target, error) {
	provider, model, ok := strings.Cut(name, "/")
	if !ok {
		return providers.Target{}, tasks.Fail("model_not_found", "name the model %q as provider/model", name)
	}
	return providers.Target{Provider: provider, Model: model}, nil
}

// tuner does the parent job of a tune: it hands each wake to the stage that is next.
type tuner struct {
	base      string // of a tune that names none
	curator   *curator
	pricer    *pricer
	rehoster  *rehoster
	evaluator *evaluator
	promoter  *promoter
}

func newTuner(d Deps) *tuner {
	return &tuner{
		base: d.Settings.Base, curator: newCurator(d), pricer: newPricer(d), rehoster: newRehoster(d),
		evaluator: newEvaluator(d), promoter: newPromoter(d),
	}
}

// step does one stage of a tune.
func (t *tuner) step(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	c, err := runOf(ctx, run, run.Job.Subject, t.base)
	if err != nil {
		return nil, err
	}
	if err := run.Decode(&c.input); err != nil {
		return nil, err
	}
	switch c.tune.Stage {
	case "", stageCurate:
		return t.curator.curate(ctx, c)
	case stagePrice:
		if !c.tune.Tainted.IsZero() {
			return c.decided(false, refusedTainted)
		}
		if c.input.Model != "" {
			return t.rehoster.price(ctx, c)
		}
		return t.pricer.price(ctx, c)
	case stageUpload, stageTrain, stageDeploy:
		return t.evaluator.trained(ctx, c)
	case stageEvaluate:
		return t.evaluator.evaluated(ctx, c)
	case stageCanary:
		return t.promoter.carryOut(ctx, c)
	}
	return c.done()
}

// write stores how far the tune is.
func (c *tuneRun) write(ctx context.Context, q *store.Queries) error {
	c.tune.State = plainjson.Of(c.state)
	return q.SetTune(ctx, c.tune)
}

// next goes on with another stage at the next wake.
func (c *tuneRun) next(stage string) *tasks.End {
	c.tune.Stage = stage
	return &tasks.End{State: job.StateQueued, Write: c.write}
}

// decided ends the tune with a decision.
func (c *tuneRun) decided(promoted bool, format string, args ...any) (*tasks.End, error) {
	c.tune.Decision = &learn.Decision{Promoted: promoted, Reason: fmt.Sprintf(format, args...)}
	c.tune.Stage = stageDone
	end, err := c.done()
	if err == nil {
		end.Write = c.write
	}
	return end, err
}

// result is what the job of a tune answers.
type result struct {
	Tune       string          `json:"tune"`
	Dataset    string          `json:"dataset,omitempty"`
	Training   string          `json:"fine_tuning_job,omitempty"`
	Evaluation string          `json:"evaluation,omitempty"`
	Decision   *learn.Decision `json:"decision"`
}

func (c *tuneRun) done() (*tasks.End, error) {
	return &tasks.End{Result: plainjson.Of(result{
		Tune: c.tune.ID, Dataset: c.tune.Dataset, Training: c.tune.Training,
		Evaluation: c.tune.Evaluation, Decision: c.tune.Decision,
	})}, nil
}
