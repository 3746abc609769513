package tune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dreamlab/handlers/tune/exam"
	"dreamlab/handlers/tune/planted"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// sliceSize is how many questions one job evaluates: no worker's slot is held long.
const sliceSize = 8

// evaluator does the stage that has a candidate evaluated in slices and decides by
// what they answer.
type evaluator struct {
	maxQuestions int
	judge        string
	planted      []planted.Question // of the operator
	gate         exam.Gate
	pollEvery    time.Duration
}

func newEvaluator(d Deps) *evaluator {
	return &evaluator{
		maxQuestions: d.Settings.MaxQuestions, judge: d.Settings.Judge, planted: d.Settings.Planted, gate: d.Settings.Gate,
		pollEvery: d.Settings.PollEvery,
	}
}

// trained goes on when the job of the training has ended: to the evaluation, or to
// the end.
func (v *evaluator) trained(ctx context.Context, c *tuneRun) (*tasks.End, error) {
	training, err := c.run.Store.Training(ctx, c.tune.Tenant, c.tune.Training)
	if err != nil {
		return nil, fmt.Errorf("find training %s: %w", c.tune.Training, err)
	}
	if training.Status != learn.TrainingSucceeded {
		return c.untrained(training)
	}
	c.state.Candidate = training.Model
	if c.state.Incumbent, err = c.incumbent(ctx); err != nil {
		return nil, err
	}
	if end, err := v.awaitIncumbent(ctx, c); end != nil || err != nil {
		return end, err
	}
	c.tune.Stage, c.state.Evaluation = stageEvaluate, db.NewID("evl_")
	in := tasks.EvaluateInput{Tune: c.tune.ID, Evaluation: c.state.Evaluation}
	end := &tasks.End{State: job.StateWaiting, Write: c.write, Children: slicesOf(&c.run.Job, c.papers(), in)}
	if len(end.Children) == 0 {
		end.State = job.StateQueued // nothing to wait for: the gate says undecided
		return end, nil
	}
	questions, err := c.planted(ctx, v.planted)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(questions, sliceSize) {
		in.Planted = nil
		for _, q := range some {
			in.Planted = append(in.Planted, q.Name)
		}
		end.Children = append(end.Children, child(&c.run.Job, tasks.TuneEvaluate, in))
	}
	return end, nil
}

// planted are the questions for secrets that are put to the candidate: those of the rows that its filters took out, and
// the operator's own.
func (c *tuneRun) planted(ctx context.Context, own []planted.Question) ([]planted.Question, error) {
	rows, err := c.plantedRows(ctx)
	if err != nil {
		return nil, err
	}
	questions := make([]planted.Question, 0, len(rows)+len(own))
	for _, r := range rows {
		questions = append(questions, r.Question)
	}
	return append(questions, own...), nil
}

// maxStarting bounds how often it is looked whether a model has started that the candidate is to be compared with: for two
// hours at 30 s.
const maxStarting = 240

// awaitIncumbent waits while the incumbent's deployment starts, which [hosting.Keeper] sees to. Where it does not start the
// candidate is refused: there is nothing to compare it with.
func (v *evaluator) awaitIncumbent(ctx context.Context, c *tuneRun) (*tasks.End, error) {
	model, err := c.run.Store.Model(ctx, c.tune.Tenant, c.state.Incumbent)
	switch {
	case errors.Is(err, db.ErrNotFound): // a vendor's own model
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("find model %s: %w", c.state.Incumbent, err)
	case !model.Standby():
		return nil, nil
	}
	if c.state.Starting++; c.state.Starting <= maxStarting {
		return &tasks.End{State: job.StateWaiting, After: v.pollEvery, Write: c.write}, nil
	}
	c.state.Verdict = &learn.Decision{Reason: fmt.Sprintf(
		"refused: exam: %s, which serves, did not start in time (it is %s): tune again when it answers", model.Name, model.State)}
	return c.next(stageCanary), nil
}

// slicesOf are the jobs that put held-out experiences, a few each.
func slicesOf(parent *job.Job, experiences []string, in tasks.EvaluateInput) (jobs []job.NewJob) {
	for slice := range slices.Chunk(experiences, sliceSize) {
		in.Experiences = slice
		part := child(parent, tasks.TuneEvaluate, in)
		part.Cites = slice
		jobs = append(jobs, part)
	}
	return jobs
}

// untrained ends a tune whose training was refused or failed.
func (c *tuneRun) untrained(training learn.Training) (*tasks.End, error) {
	if strings.HasPrefix(training.Error, "refused: ") {
		return c.decided(false, "%s", training.Error)
	}
	why := training.Error
	if why == "" {
		why = "it did not end: see its job"
	}
	return nil, tasks.Fail("vendor_unavailable", "training %s %s: %s", training.ID, training.Status, why)
}

// incumbent is the model that most of the alias' traffic goes to first; the base
// where the alias has no route.
func (c *tuneRun) incumbent(ctx context.Context) (string, error) {
	route, err := c.run.Store.Route(ctx, c.tune.Tenant, c.tune.Alias)
	if errors.Is(err, db.ErrNotFound) {
		return c.tune.Base, nil
	}
	if err != nil {
		return "", fmt.Errorf("find route %s: %w", c.tune.Alias, err)
	}
	return c.primary(route), nil
}

// primary is the model that a route's traffic goes to first; the base where the
// route has no target.
func (c *tuneRun) primary(route learn.Route) string {
	if target, found := route.Primary(); found {
		return target.Model
	}
	return c.tune.Base
}

// papers are all that is asked in the exam.
func (c *tuneRun) papers() []string { return slices.Concat(c.state.Papers, c.state.Regression) }

// held hands the alias' newest held-out experiences to fn.
func (c *tuneRun) held(ctx context.Context, limit int, fn func(learn.Experience) error) error {
	if err := c.run.Store.ExamPapers(ctx, c.tune.Tenant, c.tune.Alias, limit, fn); err != nil {
		return fmt.Errorf("read held-out experiences: %w", err)
	}
	return nil
}

// evaluated makes the report when all its slices have ended.
func (v *evaluator) evaluated(ctx context.Context, c *tuneRun) (*tasks.End, error) {
	evaluation := learn.Evaluation{
		ID: c.state.Evaluation, Tenant: c.tune.Tenant, Alias: c.tune.Alias, Tune: c.tune.ID,
		Candidate: c.state.Candidate, Incumbent: c.state.Incumbent,
	}
	sitting := exam.Sitting{Judge: v.judge, Seed: c.state.Seed}
	if c.tune.Exam != nil {
		sitting.Look = c.tune.Exam.Look
	}
	gate := v.gate
	if plan := c.tune.Exam; plan != nil && plan.Cheaper.NotWorse() {
		gate.Cheaper, gate.Same = plan.Cheaper.Margin, plan.Cheaper.Same
	}
	var err error
	if evaluation.Report, err = reportOf(ctx, c.run, evaluation.ID, sitting, gate); err != nil {
		return nil, err
	}
	report := evaluation.Report
	c.tune.Evaluation = evaluation.ID
	c.state.Verdict = &learn.Decision{Promoted: report.Decision == exam.Promote, Reason: report.Reason}
	end := c.next(stageCanary)
	end.Write = func(ctx context.Context, q *store.Queries) error {
		if err := q.AddEvaluation(ctx, evaluation); err != nil {
			return fmt.Errorf("keep evaluation: %w", err)
		}
		if err := q.AddRegressionPapers(ctx, evaluation, c.kept(v.maxQuestions)); err != nil {
			return fmt.Errorf("add to the regression set: %w", err)
		}
		return c.write(ctx, q)
	}
	return end, nil
}

// reportOf makes the report of the comparisons that the slices of a job have stored for an
// evaluation. One that lacks a slice refuses.
func reportOf(ctx context.Context, run *tasks.Run, evaluation string, s exam.Sitting, g exam.Gate) (learn.Report, error) {
	err := run.Store.EachComparison(ctx, run.Job.Tenant, evaluation, func(p learn.Comparison) error {
		if p.Regression {
			s.Regression = append(s.Regression, p)
		} else {
			s.Fresh = append(s.Fresh, p)
		}
		return nil
	})
	if err != nil {
		return learn.Report{}, fmt.Errorf("read the comparisons: %w", err)
	}
	done, err := sliced(ctx, run)
	if err != nil {
		return learn.Report{}, err
	}
	s.Planted.Asked += done.planted.Asked
	s.Planted.Told += done.planted.Told
	report := g.Report(s)
	if done.broken > 0 {
		report.Decision = exam.Refuse
		report.Reason = fmt.Sprintf("evaluation incomplete: %d of its slices failed: see its jobs", done.broken)
	}
	return report, nil
}

// slicesDone are the slices of an evaluation's job.
type slicesDone struct {
	all, broken int // broken ones did not succeed
	planted     learn.Told
}

func (d *slicesDone) add(j job.Job) error {
	d.all++
	if j.State != job.StateSucceeded {
		d.broken++
		return nil
	}
	var out sliceResult
	if err := json.Unmarshal(j.Result, &out); err != nil {
		return fmt.Errorf("read the result of %s: %w", j.ID, err)
	}
	if out.Planted != nil {
		d.planted.Asked += out.Planted.Asked
		d.planted.Told += out.Planted.Told
	}
	return nil
}

// sliced looks at the slices of an evaluation's job.
func sliced(ctx context.Context, run *tasks.Run) (done slicesDone, err error) {
	page := db.Page{Limit: 100}
	for {
		jobs, more, err := run.Store.Jobs(ctx, run.Job.Tenant, job.Filter{Parent: run.Job.ID}, page)
		if err != nil {
			return done, fmt.Errorf("find slices: %w", err)
		}
		for _, j := range jobs {
			page.After = j.ID
			if j.Kind != string(tasks.TuneEvaluate) {
				continue
			}
			if err := done.add(j); err != nil {
				return done, err
			}
		}
		if !more {
			return done, nil
		}
	}
}
