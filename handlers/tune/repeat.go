package tune

import (
	"context"
	"errors"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/exam"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// repeater does the job that repeats an evaluation: the same papers with the same answers, checked
// again and judged again in the same orders by the same judge. The answers are not asked for again:
// a candidate that was refused is not served any more. So what it told of planted secrets is taken over.
type repeater struct{ gate exam.Gate }

// repeated is what came of it.
type repeated struct {
	Evaluation string `json:"evaluation"`
	Repeats    string `json:"repeats"`
	Decision   string `json:"decision"`
	Reason     string `json:"reason"`
}

// repeat starts the slices, and makes the report when they have ended.
func (r *repeater) repeat(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in tasks.RepeatInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	first, err := run.Store.Evaluation(ctx, run.Job.Tenant, in.Evaluation)
	if err != nil {
		return nil, fmt.Errorf("find evaluation %s: %w", in.Evaluation, err)
	}
	started, err := sliced(ctx, run)
	if err != nil {
		return nil, err
	}
	if started.all == 0 {
		return r.start(ctx, run, in)
	}
	return r.end(ctx, run, first)
}

func (r *repeater) start(ctx context.Context, run *tasks.Run, in tasks.RepeatInput) (*tasks.End, error) {
	var papers []string
	err := run.Store.EachComparison(ctx, run.Job.Tenant, in.Evaluation, func(p learn.Comparison) error {
		papers = append(papers, p.Experience)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the comparisons: %w", err)
	}
	if len(papers) == 0 {
		return nil, tasks.Fail("invalid_request", "%s compared nothing that could be repeated", in.Evaluation)
	}
	slice := tasks.EvaluateInput{Evaluation: run.Job.Subject, Repeats: in.Evaluation, Parent: run.Job.ID}
	if in.BudgetUSD != nil {
		slice.Cap = max(int64(*in.BudgetUSD), 1)
	}
	return &tasks.End{State: job.StateWaiting, Children: slicesOf(&run.Job, papers, slice)}, nil
}

func (r *repeater) end(ctx context.Context, run *tasks.Run, first learn.Evaluation) (*tasks.End, error) {
	gate := r.gate
	gate.Margin, gate.Cheaper, gate.Same = first.Report.Margin, first.Report.Cheaper, first.Report.Same
	again := first
	again.ID, again.Repeats = run.Job.Subject, first.ID
	sitting := exam.Sitting{
		Judge: first.Report.Judge, Seed: first.Report.Seed, Look: first.Report.Look, Planted: first.Report.Planted,
	}
	var err error
	if again.Report, err = reportOf(ctx, run, again.ID, sitting, gate); err != nil {
		return nil, err
	}
	return &tasks.End{
		Result: plainjson.Of(repeated{again.ID, first.ID, again.Report.Decision, again.Report.Reason}),
		Write: func(ctx context.Context, q *store.Queries) error {
			if err := q.AddEvaluation(ctx, again); err != nil {
				return fmt.Errorf("keep evaluation: %w", err)
			}
			return nil
		},
	}, nil
}

// again compares the answers of an earlier evaluation once more. What is forgotten is void.
func (cp *comparer) again(run *tasks.Run, in tasks.EvaluateInput) func(context.Context, learn.Experience) (
	exam.Comparison, bool, error,
) {
	return func(ctx context.Context, e learn.Experience) (p exam.Comparison, ok bool, err error) {
		p, err = run.Store.Comparison(ctx, run.Job.Tenant, in.Repeats, e.ID)
		if errors.Is(err, db.ErrNotFound) || err == nil && p.Said == nil {
			return p, false, nil
		}
		if err != nil {
			return p, false, fmt.Errorf("find the comparison of %s: %w", e.ID, err)
		}
		if p.Checked {
			check(&p, caseOf(e, p.Said))
		}
		if !p.Judged {
			return p, true, nil
		}
		first, err := run.Store.Evaluation(ctx, run.Job.Tenant, in.Repeats)
		if err != nil {
			return p, false, fmt.Errorf("find evaluation %s: %w", in.Repeats, err)
		}
		p.Agreed, p.Orders, p.Said.Reasons = false, nil, nil
		return p, true, cp.compare(ctx, sitting{run, first.Report.Judge, withinOf(in)}, &p, caseOf(e, p.Said))
	}
}

// withinOf caps the slices of a repetition together.
func withinOf(in tasks.EvaluateInput) *handlers.Within {
	if in.Cap == 0 {
		return nil
	}
	return &handlers.Within{Job: in.Parent, Nano: in.Cap}
}
