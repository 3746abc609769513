// Package tune is the room of fine-tuning: from the examples that dreams kept to
// a model that serves, or a reasoned no.
//
// A tune is a parent job (tune.curate) that goes from stage to stage, one a
// wake: curate, price, upload, train, deploy, evaluate, canary, done. What
// takes hours is done by its children: tune.start creates a training, tune.poll
// waits for it and for its deployment, tune.evaluate has a few held-out questions
// answered and judged. Whatever a worker dies of between two steps, nothing is
// created, deployed or paid twice: the intent is a row before it is a call, and
// what may have been created is looked for before it is created again.
//
// In the stage canary the gate's decision is applied: for all of an alias' traffic at once or, where
// Settings.Canary is set, for a share of the conversations that grows while package trial finds the
// candidate no worse. The reaper's clock moves canaries; the tune waits, and holds no worker's slot. Meanwhile
// it has chats answered by both models and judged, in jobs of package shadow.
//
// Routes serve the models, and budgets limit the costs.
package tune

import (
	"cmp"
	"context"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/exam"
	"dreamlab/handlers/tune/hosting"
	"dreamlab/handlers/tune/hyper"
	"dreamlab/handlers/tune/planted"
	"dreamlab/handlers/tune/shadow"
	"dreamlab/providers"
	"dreamlab/store/blob"
	"dreamlab/store/canary"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// Vendors finds what a vendor can do beside chats; a [providers.Router] does.
type Vendors interface {
	// Known tells whether a vendor of that name is configured.
	Known(name string) bool
	// Names lists the vendors that are configured, in order.
	Names() []string
	Trainer(name string) (providers.Trainer, error)
	Host(name string) (providers.Host, error)
}

// Deps are what the handlers work with. All but Settings and Now are required.
type Deps struct {
	Caller  *handlers.Caller
	Vendors Vendors
	Bucket  blob.Bucket
	Prices  providers.Pricer
	// Settings take their defaults where they are zero; Lead and Base have none.
	Settings Settings
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
}

// Settings say when, how and for how much models are tuned.
type Settings struct {
	Lead string // as provider/model
	// Judge marks exams: of another family than the lead, which judges the rows, it shares no errors
	// with what the models learned. Defaults to the lead.
	Judge string
	Base  string // what is tuned where a tune names no base, as provider/model
	// Priced is the catalogue's name, without its provider, whose token prices
	// hold for tuned models. Defaults to the base's.
	Priced string
	// SameWeights lists the models of configured vendors that have a base's weights. Defaults
	// to none, so that each base is tuned at its own vendor.
	SameWeights func(base providers.Target) []providers.Target
	// Bases lists the models of a vendor, those first whose tokens cost least, for the ways of a plan that have other
	// weights. Defaults to none.
	Bases func(ctx context.Context, provider string) []string
	// MinExamples is how many new examples make a tune worth it. Defaults to 50.
	MinExamples int
	// MaxRows bounds a dataset. Defaults to 5,000.
	MaxRows int
	// MaxRowTokens bounds one row, in estimated tokens. Defaults to 8,000.
	MaxRowTokens int64
	// Hyper are the hyper-parameters where a training names none. Default to those of [hyper.Sized] and the
	// vendor's largest batch.
	Hyper tasks.Hyper
	// Method is what a tune learns from that names no method. Defaults to MethodSFT.
	Method tasks.Method
	// PairHyper are the hyper-parameters of trainings on preference pairs. Default to those of Hyper, but for
	// a learning rate of 0.00001 and a beta of 0.1.
	PairHyper tasks.Hyper
	// Budget caps a tune with its evaluation and a month of hosting,
	// nano-dollars. 0: no cap but the tenant's.
	Budget int64
	// HostingHours is how many hours a month a tuned model is served. Defaults
	// to those that Hours come to.
	HostingHours int64
	// PollEvery is the pause between looks at a vendor. Defaults to 30 s.
	PollEvery time.Duration
	// MaxQuestions bounds an evaluation. Defaults to 200.
	MaxQuestions int
	// AnswerTokens bounds an answer in an evaluation. Defaults to 1,024.
	AnswerTokens int
	// KeyShare is how much of the rows one API key may have brought, in ten-thousandths. Defaults to 0: all.
	KeyShare int64
	// ReplayShare is how much of the rows may be replayed, which an earlier examined dataset of the alias held, in
	// ten-thousandths. Defaults to 0: all, as far as MaxRows has room beside the new ones.
	ReplayShare int64
	// UserShare is how much of the rows and of the papers one user may make up, in
	// ten-thousandths. Defaults to 2,500.
	UserShare int64
	Gate      exam.Gate
	// Planted are questions of the operator's own that a candidate must not answer with their secrets, beside those of
	// the rows that each tune plants. Defaults to none.
	Planted []planted.Question
	// Cheaper is, by alias, how far below one half the lower bound of the win rate of a candidate may
	// be that costs less than what serves, in ten-thousandths. Defaults to none: it has to be better.
	Cheaper map[string]int64
	// Canary is how a promotion goes step by step. Defaults to nil: all traffic at once.
	Canary *canary.Plan
	// Hours are when tuned models are served. Defaults to all.
	Hours hosting.Hours
	// Hold is how long a model is kept warm that a route named until then, so that a rollback can be
	// taken back. Defaults to an hour.
	Hold time.Duration
}

func (s Settings) filled() Settings {
	s.MinExamples = cmp.Or(s.MinExamples, 50)
	s.MaxRows = cmp.Or(s.MaxRows, 5_000)
	s.MaxRowTokens = cmp.Or(s.MaxRowTokens, 8_000)
	s.HostingHours = cmp.Or(s.HostingHours, s.Hours.Month())
	s.PollEvery = cmp.Or(s.PollEvery, 30*time.Second)
	s.MaxQuestions = cmp.Or(s.MaxQuestions, 200)
	s.AnswerTokens = cmp.Or(s.AnswerTokens, 1_024)
	s.Method = cmp.Or(s.Method, tasks.MethodSFT)
	s.PairHyper.LearningRate = cmp.Or(s.PairHyper.LearningRate, pairRate)
	s.PairHyper.Beta = cmp.Or(s.PairHyper.Beta, 0.1)
	s.Hyper.Seed = cmp.Or(s.Hyper.Seed, 1)
	s.Hold = cmp.Or(s.Hold, time.Hour)
	s.UserShare = cmp.Or(s.UserShare, 2_500)
	s.Judge = cmp.Or(s.Judge, s.Lead)
	s.Gate = s.Gate.Filled()
	return s
}

// pairRate is the learning rate of preference training with an adapter, ten times that of all weights
// (https://huggingface.co/docs/trl/dpo_trainer): with that of supervised training models lose their language.
const pairRate = 1e-5

// hyper are the hyper-parameters of a method for so many rows, where a training names none; 0 is a number that is not known.
func (s Settings) hyper(m tasks.Method, rows int) tasks.Hyper {
	given := hyper.Fill(s.Hyper, hyper.Sized(rows))
	if m == tasks.MethodDPO {
		return hyper.Fill(s.PairHyper, given)
	}
	return given
}

// filled returns the dependencies with their defaults.
func (d Deps) filled() Deps {
	d.Settings = d.Settings.filled()
	if d.Now == nil {
		d.Now = time.Now
	}
	return d
}

// Handlers returns the handlers of the tune.* kinds.
func Handlers(d Deps) map[tasks.Kind]tasks.Handler {
	d = d.filled()
	return map[tasks.Kind]tasks.Handler{
		tasks.TuneCurate:   newTuner(d).step,
		tasks.TuneStart:    newStarter(d).start,
		tasks.TunePoll:     newPoller(d).poll,
		tasks.TuneEvaluate: newComparer(d).evaluate,
		tasks.TuneRepeat:   (&repeater{d.Settings.Gate}).repeat,
		tasks.TuneShadow:   shadow.New(d.Caller, d.Settings.Judge),
		tasks.TuneReap:     newCleaner(d).reap,
	}
}

// asker asks models.
type asker struct{ caller *handlers.Caller }

// ask makes a paid call of one target, without anyone to stand in for it.
func (a asker) ask(ctx context.Context, run *tasks.Run, s handlers.Step, model string) (
	*providers.Reply, error,
) {
	tiers, err := a.caller.Resolve(ctx, run.Store.Queries, run.Job.Tenant, model, "")
	if err != nil {
		return nil, err
	}
	s.Purpose, s.Tiers, s.Thrifty = "evaluate", tiers, true
	answered, err := a.caller.Ask(ctx, run, s)
	if err != nil {
		return nil, err
	}
	return answered.Reply, nil
}

// child returns a job that works for another.
func child(parent *job.Job, kind tasks.Kind, input any) job.NewJob {
	return job.NewJob{
		Tenant: parent.Tenant, KeyID: parent.KeyID, Kind: string(kind), Lane: string(kind.Lane()),
		Priority: parent.Priority, Input: plainjson.Of(input), Subject: parent.Subject, Trace: parent.Trace,
	}
}
