package tune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dreamlab/handlers/tune/exam"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// sliceSize is how many questions one job evaluates: no worker's slot is held long.
const sliceSize = 8

// evaluator does the stage that has a candidate evaluated in slices and decides by
// what they answer.
type evaluator struct {
	maxQuestions int
	lead         string // the judge
	gate         exam.Gate
}

func newEvaluator(d Deps) *evaluator {
	return &evaluator{maxQuestions: d.Settings.MaxQuestions, lead: d.Settings.Lead, gate: d.Settings.Gate}
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
	questions := c.papers()
	c.tune.Stage = stageEvaluate
	end := &tasks.End{State: job.StateWaiting, Write: c.write}
	for start := 0; start < len(questions); start += sliceSize {
		slice := questions[start:min(start+sliceSize, len(questions))]
		part := child(&c.run.Job, tasks.TuneEvaluate, tasks.EvaluateInput{Tune: c.tune.ID, Experiences: slice})
		part.Cites = slice
		end.Children = append(end.Children, part)
	}
	if len(end.Children) == 0 {
		end.State = job.StateQueued // nothing to wait for: the gate says undecided
	}
	return end, nil
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
	comparisons, broken, err := c.collect(ctx)
	if err != nil {
		return nil, err
	}
	sitting := c.sitting(comparisons, v.lead)
	report := v.gate.Report(sitting)
	if broken > 0 {
		report.Decision = exam.Refuse
		report.Reason = fmt.Sprintf("evaluation incomplete: %d of its slices failed: see its jobs", broken)
	}
	evaluation := learn.Evaluation{
		ID: db.NewID("evl_"), Tenant: c.tune.Tenant, Alias: c.tune.Alias, Tune: c.tune.ID,
		Candidate: c.state.Candidate, Incumbent: c.state.Incumbent, Report: report,
		Papers: plainjson.Of(sitting),
	}
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

// sitting parts the comparisons into fresh ones and those of the regression set.
func (c *tuneRun) sitting(comparisons []exam.Comparison, lead string) exam.Sitting {
	s := exam.Sitting{Judge: lead, Seed: c.state.Seed}
	if c.tune.Exam != nil {
		s.Look = c.tune.Exam.Look
	}
	for _, p := range comparisons {
		if slices.Contains(c.state.Regression, p.Experience) {
			s.Regression = append(s.Regression, p)
		} else {
			s.Fresh = append(s.Fresh, p)
		}
	}
	return s
}

// collect reads what the slices answered and counts those that did not.
func (c *tuneRun) collect(ctx context.Context) (comparisons []exam.Comparison, broken int, err error) {
	page := db.Page{Limit: 100}
	for {
		jobs, more, err := c.run.Store.Jobs(ctx, c.tune.Tenant, job.Filter{Parent: c.run.Job.ID}, page)
		if err != nil {
			return nil, 0, fmt.Errorf("find slices: %w", err)
		}
		for _, j := range jobs {
			if j.Kind != string(tasks.TuneEvaluate) {
				continue
			}
			var m sliceResult
			if j.State != job.StateSucceeded || json.Unmarshal(j.Result, &m) != nil {
				broken++
				continue
			}
			comparisons = append(comparisons, m.Comparisons...)
		}
		if !more {
			return comparisons, broken, nil
		}
		page.After = jobs[len(jobs)-1].ID
	}
}
