package dream

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"dreamlab/handlers/dream/choose"
	"dreamlab/handlers/dream/study"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// The stages of a dream, in order.
const (
	stageSeal        = "seal"
	stageSlices      = "slices"
	stageReflect     = "reflect"
	stageConsolidate = "consolidate"
	stageAnticipate  = "anticipate"
	stageDone        = "done"
	// stageUnreadable follows on the slices where too few verdicts of the lead model could be
	// read. Slices that have not begun are not begun.
	stageUnreadable = "unreadable"
)

// planResult is the result of dream.plan.
type planResult struct {
	Dream  string            `json:"dream"`
	Counts learn.DreamCounts `json:"counts"`
	DryRun *estimate         `json:"dry_run,omitempty"`
}

// plan is the parent: each time it is woken it takes one stage's outcome, and
// sets off the next.
func (w *worker) plan(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in tasks.DreamInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	d, err := w.load(ctx, run)
	if err != nil {
		return nil, err
	}
	if run.Job.OpenChildren > 0 {
		return &tasks.End{State: job.StateWaiting}, nil
	}
	switch {
	case in.DryRun:
		return w.dryRun(ctx, run, in, d)
	case d.Stage == stageSlices, d.Stage == stageUnreadable:
		return w.afterSlices(ctx, run, d)
	case d.Stage == stageReflect:
		return w.afterReflect(ctx, run, d)
	case d.Stage == stageConsolidate:
		return w.afterConsolidate(ctx, run, d)
	case d.Stage == stageAnticipate:
		return w.afterAnticipate(ctx, run, d)
	case d.Stage == stageDone:
		return &tasks.End{Result: w.finish(&d), Write: setDream(d)}, nil
	}
	return w.seal(ctx, run, in, d)
}

// seal closes the batch, keeps it as an object, and sets off the slices.
func (w *worker) seal(ctx context.Context, run *tasks.Run, in tasks.DreamInput, d learn.Dream) (
	*tasks.End, error,
) {
	if in.Limit <= 0 {
		in.Limit = tasks.DefaultDreamLimit
	}
	d.Stage = stageSlices
	err := run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		sealed, err := q.SealBatch(ctx, d.Tenant, d.ID, in.Limit)
		if err != nil {
			return fmt.Errorf("seal the batch: %w", err)
		}
		d.Counts = learn.DreamCounts{Experiences: sealed.Experiences, Weak: sealed.Weak, Rejected: map[string]int{}}
		return q.SetDream(ctx, d)
	})
	if err != nil {
		return nil, err
	}
	return w.afterSlices(ctx, run, d)
}

// afterSlices sets off the slices, or, when they have ended, the reflection.
func (w *worker) afterSlices(ctx context.Context, run *tasks.Run, d learn.Dream) (*tasks.End, error) {
	sum, slices, err := w.gather(ctx, run)
	if err != nil {
		return nil, err
	}
	if slices == 0 {
		return w.startSlices(ctx, run, d)
	}
	sum.Counts.Experiences, sum.Counts.Weak = d.Counts.Experiences, d.Counts.Weak
	d.Counts, d.LiveCost, d.Stage = sum.Counts, sum.Live, stageReflect
	if w.Settings.Breaker.unreadable(sum) {
		d.Stage = stageUnreadable
		sum.giveBackMalformed() // those of slices that ended before it was known, too
		return nil, w.failUnreadable(ctx, run, d, sum.Left)
	}
	if len(sum.Findings) == 0 {
		return w.last(ctx, run, d, sum.Left)
	}
	return &tasks.End{
		State: job.StateWaiting, Write: withoutRepeats(d, sum.Left),
		Children: []job.NewJob{child(run, tasks.DreamReflect, tasks.DreamPart{Dream: d.ID})},
	}, nil
}

// withoutRepeats takes back the rows that slices kept that did not see each other's, and releases what is left.
func withoutRepeats(d learn.Dream, left []string) func(context.Context, *store.Queries) error {
	return func(ctx context.Context, q *store.Queries) error {
		authors, err := q.WithdrawRepeats(ctx, d.ID)
		if err != nil {
			return fmt.Errorf("take back rows that say the same: %w", err)
		}
		return release(study.Repeated(d, authors), left)(ctx, q)
	}
}

// release gives back to another dream what was not dreamt of, and keeps the counts.
func release(d learn.Dream, left []string) func(context.Context, *store.Queries) error {
	return func(ctx context.Context, q *store.Queries) error {
		if err := q.ReleaseExperiences(ctx, d.ID, left); err != nil {
			return fmt.Errorf("release what was not dreamt of: %w", err)
		}
		return q.SetDream(ctx, d)
	}
}

// failUnreadable fails a dream of which too few verdicts could be read: it would otherwise
// look like one that found nothing worth keeping.
func (w *worker) failUnreadable(ctx context.Context, run *tasks.Run, d learn.Dream, left []string) error {
	err := run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if err := q.StopDream(ctx, d.ID, w.tooFewVerdicts(d.Counts)); err != nil {
			return fmt.Errorf("stop the dream: %w", err)
		}
		return release(d, left)(ctx, q)
	})
	if err != nil {
		return err
	}
	return tasks.Fail("vendor_unavailable", "%s", w.tooFewVerdicts(d.Counts))
}

func (w *worker) tooFewVerdicts(c learn.DreamCounts) string {
	return fmt.Sprintf("the verdicts on %d experiences could not be read, and those on %d could: "+
		"route the alias %q to a model that answers in the JSON form it is asked for, then start another dream",
		c.Rejected[study.Malformed], c.Judged, w.Lead)
}

func (w *worker) startSlices(ctx context.Context, run *tasks.Run, d learn.Dream) (*tasks.End, error) {
	if err := w.writeBatch(ctx, run, d); err != nil {
		return nil, err
	}
	batched, size := w.inBatches(d), w.Settings.SliceSize
	if batched {
		size = maxBatchSlice
	}
	ids, err := chosen(ctx, run, d)
	if err != nil {
		return nil, err
	}
	var children []job.NewJob
	for part := range slices.Chunk(ids, size) {
		slice := child(run, tasks.DreamSlice, tasks.SliceInput{Dream: d.ID, Experiences: part, Batch: batched})
		slice.Cites = part
		children = append(children, slice)
	}
	if len(children) == 0 {
		return &tasks.End{Result: w.finish(&d), Write: setDream(d)}, nil
	}
	return &tasks.End{State: job.StateWaiting, Children: children}, nil
}

// chosen are the experiences of a dream, in the order in which they are studied.
func chosen(ctx context.Context, run *tasks.Run, d learn.Dream) ([]string, error) {
	var order choose.Order
	page := db.Page{Limit: batchPage, Ascending: true}
	for {
		rows, more, err := run.Store.Experiences(ctx, d.Tenant, learn.ExperienceFilter{Dream: d.ID}, page)
		if err != nil {
			return nil, fmt.Errorf("read the batch: %w", err)
		}
		for _, e := range rows {
			order.Add(e)
			page.After = e.ID
		}
		if !more {
			return order.IDs(), nil
		}
	}
}

func setDream(d learn.Dream) func(context.Context, *store.Queries) error {
	return func(ctx context.Context, q *store.Queries) error { return q.SetDream(ctx, d) }
}

// afterReflect counts the lessons and sets off the consolidation.
func (w *worker) afterReflect(ctx context.Context, run *tasks.Run, d learn.Dream) (*tasks.End, error) {
	if again, err := w.redo(ctx, run, d, tasks.DreamReflect); again != nil || err != nil {
		return again, err
	}
	err := eachChild(ctx, run, tasks.DreamReflect, func(job job.Job) error {
		var part reflectResult
		if err := readResult(job, &part); err != nil {
			return err
		}
		d.Counts.Reflections, d.Counts.Imagined = part.Reflections, part.Imagined
		part.count(&d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if d.Counts.Reflections == 0 {
		return w.last(ctx, run, d, nil)
	}
	d.Stage = stageConsolidate
	return &tasks.End{
		State: job.StateWaiting, Write: setDream(d),
		Children: []job.NewJob{child(run, tasks.DreamConsolidate, tasks.DreamPart{Dream: d.ID})},
	}, nil
}

// afterConsolidate goes on once the memory is written.
func (w *worker) afterConsolidate(ctx context.Context, run *tasks.Run, d learn.Dream) (*tasks.End, error) {
	if again, err := w.redo(ctx, run, d, tasks.DreamConsolidate); again != nil || err != nil {
		return again, err
	}
	err := eachChild(ctx, run, tasks.DreamConsolidate, func(job job.Job) error {
		var part consolidateResult
		err := readResult(job, &part)
		part.count(&d)
		return err
	})
	if err != nil {
		return nil, err
	}
	return w.last(ctx, run, d, nil)
}

// finish puts the dream into its last stage and returns the job's result.
func (w *worker) finish(d *learn.Dream) json.RawMessage {
	d.Stage = stageDone
	return plainjson.Of(planResult{Dream: d.ID, Counts: d.Counts})
}

// gather sums what the slices came to. What a slice that failed had in hand is
// counted as failed and left for another dream.
func (w *worker) gather(ctx context.Context, run *tasks.Run) (sliceResult, int, error) {
	var sum sliceResult
	slices := 0
	err := eachChild(ctx, run, tasks.DreamSlice, func(j job.Job) error {
		slices++
		part := sliceResult{}
		if !j.State.Ended() {
			return nil // it is under way
		}
		if j.State != job.StateSucceeded {
			var in tasks.SliceInput
			if err := json.Unmarshal(j.Input, &in); err != nil {
				return fmt.Errorf("read the input of %s: %w", j.ID, err)
			}
			part.Left = in.Experiences
			part.Counts.Reject(rejectFailed, len(in.Experiences))
		} else if err := readResult(j, &part); err != nil {
			return err
		}
		for i := range part.Findings {
			part.Findings[i].job = j.ID
		}
		part.yields = []yielded{yieldOf(part, j.Finished)}
		sum.add(part)
		return nil
	})
	return sum, slices, err
}

// eachChild hands the dream's children of a kind to fn, oldest first.
func eachChild(ctx context.Context, run *tasks.Run, kind tasks.Kind, fn func(job.Job) error) error {
	page := db.Page{Limit: 100, Ascending: true}
	for {
		jobs, more, err := run.Store.Jobs(ctx, run.Job.Tenant, job.Filter{Parent: parentOf(run)}, page)
		if err != nil {
			return fmt.Errorf("list the dream's jobs: %w", err)
		}
		for _, job := range jobs {
			if job.Kind != string(kind) {
				continue
			}
			if err := fn(job); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		page.After = jobs[len(jobs)-1].ID
	}
}

// parentOf returns the plan's job, for itself and for its children.
func parentOf(run *tasks.Run) string {
	if run.Job.Parent != "" {
		return run.Job.Parent
	}
	return run.Job.ID
}

// readResult reads a child's result; one that did not succeed has none.
func readResult(j job.Job, into any) error {
	if j.State != job.StateSucceeded {
		return nil
	}
	if err := json.Unmarshal(j.Result, into); err != nil {
		return fmt.Errorf("read the result of %s: %w", j.ID, err)
	}
	return nil
}
