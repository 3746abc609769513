package dream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/handlers/dream/study"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/lines"
)

// A dream whose questions go to batches has a night for all of them, which follow on each other. What no batch
// has answered by then is asked live, as is what comes up when less than leastWindow is left: vendors
// promise no answer within it.
const (
	night       = 24 * time.Hour
	leastWindow = time.Hour
)

// errLater means that a question was put into a batch, and that its experience waits.
var errLater = errors.New("the question is in a batch")

// inBatches tells whether a dream's questions go to batches, where they cost less there: as
// it is asked, or from a size on that makes the wait worth it.
func (w *worker) inBatches(d learn.Dream) bool {
	return d.Mode == "batch" || d.Mode == "auto" && d.Counts.Experiences >= w.Settings.BatchFrom
}

// later are the questions of a job that go to batches, by the role that answers them.
type later struct {
	window  time.Duration   // what is left of the night
	ordered map[string]bool // steps that were in a batch alone: what it left is asked live
	shared  map[string]bool // steps that were in a batch together with others: what it left is asked alone
	waiting map[study.Role][]study.Question
}

func (w *worker) newLater(ctx context.Context, run *tasks.Run, d learn.Dream) (*later, error) {
	ordered, shared, err := run.Store.StepsOrdered(ctx, run.Job.ID)
	if err != nil {
		return nil, fmt.Errorf("look for what was in batches: %w", err)
	}
	left := d.Created.Add(night).Sub(w.Now())
	return &later{window: left, ordered: ordered, shared: shared, waiting: map[study.Role][]study.Question{}}, nil
}

// takes puts a question into the next batch, where that pays and there is time, and tells whether it did.
func (l *later) takes(q study.Question, cheaper bool) bool {
	if l == nil || !cheaper || l.ordered[q.Step] || l.window < leastWindow {
		return false
	}
	l.waiting[q.Role] = append(l.waiting[q.Role], q)
	return true
}

// drop deletes what was in batches: the job has what it needs of it.
func (l *later) drop(ctx context.Context, q *store.Queries, run *tasks.Run) error {
	if l == nil {
		return nil
	}
	if err := q.DropSteps(ctx, run.Job.ID); err != nil {
		return fmt.Errorf("drop what was in batches: %w", err)
	}
	return nil
}

// waits tells whether experiences wait for a batch.
func (l *later) waits() bool { return l != nil && len(l.waiting) > 0 }

// cheaper tells whether the model that is asked first costs less in a batch.
func (w *worker) cheaper(tiers [][]providers.Target) bool {
	target := tiers[0][0]
	if target.Hosted || target.Priced != "" {
		return false
	}
	price, err := w.Prices.Price(target.Provider, target.Model, w.Now())
	return err == nil && price.Batch != nil && price.Batch.In+price.Batch.Out < price.In+price.Out
}

// order makes a batch for each role that is asked, and waits for them.
func (a *asking) order(ctx context.Context) (*tasks.End, error) {
	end := &tasks.End{State: job.StateWaiting}
	var rows []batch.Batch
	var all [][]batch.Line
	for _, role := range study.Roles {
		if questions := a.later.waiting[role]; len(questions) > 0 {
			some, err := a.linesOf(ctx, role, questions)
			if err != nil {
				return nil, err
			}
			row, own := a.batchOf(role, len(some))
			for i := range some {
				some[i].Batch = row.ID
			}
			rows, all = append(rows, row), append(all, some)
			end.Children = append(end.Children, own)
		}
	}
	end.Write = func(ctx context.Context, q *store.Queries) error {
		for i, row := range rows {
			if err := q.AddBatch(ctx, row); err != nil {
				return fmt.Errorf("make a batch of questions: %w", err)
			}
			if err := q.AddLines(ctx, all[i]); err != nil {
				return fmt.Errorf("put questions into a batch: %w", err)
			}
			row.Total = len(all[i])
			if err := q.SetBatch(ctx, row); err != nil {
				return err
			}
		}
		return nil
	}
	return end, nil
}

// batchOf is a batch of questions to a role, and the job that has it answered.
func (a *asking) batchOf(role study.Role, questions int) (batch.Batch, job.NewJob) {
	row := batch.Batch{
		ID: db.NewID("batch_"), Tenant: a.dream.Tenant, Endpoint: lines.Endpoint, Window: a.later.window,
		Status: batch.InProgress, Total: questions, Spec: plainjson.Of(batch.Spec{
			Phase: batch.PhaseChoose, Model: a.model(role), Budget: a.dream.Budget, Root: a.dream.Job,
		}),
	}
	own := child(a.run, tasks.BatchRun, lines.BatchInput{Batch: row.ID})
	own.ID, own.Subject = db.NewID("job_"), row.ID
	row.Job = own.ID
	return row, own
}
