package dream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/dream/study"
	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// Why an experience of the batch was not studied, beside what a study itself finds.
const (
	rejectBudget    = "budget"
	rejectFailed    = "failed"
	rejectForgotten = "forgotten"
	rejectReopened  = "reopened"
	rejectStopped   = "stopped"
	rejectUnchecked = "unchecked" // for personal data
)

// sliceResult is the result of dream.slice.
type sliceResult struct {
	Counts   learn.DreamCounts `json:"counts"`
	Findings []finding         `json:"findings"`
	Left     []string          `json:"left,omitempty"` // for another dream
	Live     int64             `json:"live_nano"`
	yields   []yielded         // of the slices that ended, where several are summed
}

// finding is what was found out about one experience, for reflection.
type finding struct {
	Experience string `json:"experience"`
	Kept       bool   `json:"kept"`
	Verdict    string `json:"verdict"` // how it was verified, or why it was rejected
	Reason     string `json:"reason,omitempty"`
	Score      int64  `json:"score"` // thousandths
	job        string // the slice's, which holds the base model's answer
}

func (s *sliceResult) add(o sliceResult) {
	s.Counts.Add(o.Counts)
	s.Left = append(s.Left, o.Left...)
	s.Live += o.Live
	s.Findings = append(s.Findings, o.Findings...)
	s.yields = append(s.yields, o.yields...)
}

// giveBackMalformed leaves to another dream what no verdict could be read of.
func (s *sliceResult) giveBackMalformed() {
	for _, f := range s.Findings {
		if f.Verdict == study.Malformed {
			s.Left = append(s.Left, f.Experience)
		}
	}
}

// slice studies its experiences one after the other. What it kept is stored
// with its end; answers that were paid for are effects, found again when it
// runs again.
func (w *worker) slice(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in tasks.SliceInput
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
	asks, err := w.asks(ctx, run, d, in.Batch)
	if err != nil {
		return nil, err
	}
	s := &sliceRun{asking: asks, contents: map[string]bool{}}
	if d.Stopped != "" && len(s.answered) == 0 { // what has begun goes on: it is paid for in part
		s.leave(rejectStopped, in.Experiences)
		return &tasks.End{Result: plainjson.Of(s.result)}, nil
	}
	paused, err := s.pause(ctx, s.studyAll(ctx, in.Experiences))
	if paused != nil || err != nil {
		return paused, err
	}
	return s.end(ctx)
}

// sliceRun is a slice at work.
type sliceRun struct {
	*asking
	result   sliceResult
	examples []learn.Example
	contents map[string]bool // of the examples so far
	stopped  string          // why the dream ends early, "" where this slice does not say so
}

// studyAll studies the experiences until the money is used up.
func (s *sliceRun) studyAll(ctx context.Context, ids []string) error {
	for i, id := range ids {
		err := s.study(ctx, id)
		if errors.Is(err, errLater) {
			continue
		}
		if handlers.Failed(err, "insufficient_quota") {
			s.leave(rejectBudget, ids[i:])
			return nil
		}
		if err != nil {
			return err
		}
		if s.stopped != "" {
			s.leave(rejectStopped, ids[i+1:])
			return nil
		}
	}
	return nil
}

// leave gives experiences back to another dream.
func (s *sliceRun) leave(reason string, ids []string) {
	s.result.Left = append(s.result.Left, ids...)
	s.result.Counts.Reject(reason, len(ids))
}

// end stores what the slice kept. Where too few verdicts could be read, here and in the slices
// before, or too little was kept, it stops the slices that have not begun: they would pay for the same.
func (s *sliceRun) end(ctx context.Context) (*tasks.End, error) {
	s.result.Live = s.tally.Live
	s.result.Counts.Batched, s.result.Counts.Slower, s.result.Counts.AskedLive = s.tally.Batched, s.tally.Slower, s.tally.AskedLive
	all, _, err := s.gather(ctx, s.run)
	if err != nil {
		return nil, err
	}
	all.add(s.result)
	all.yields = append(all.yields, yieldOf(s.result, time.Time{}))
	all.Counts.Experiences, all.Counts.Weak = s.dream.Counts.Experiences, s.dream.Counts.Weak
	s.dream.Counts, s.dream.LiveCost = all.Counts, all.Live
	breaker := s.Settings.Breaker
	if s.result.Counts.Rejected[study.Malformed] > 0 && breaker.unreadable(all) {
		s.dream.Stage, s.stopped = stageUnreadable, s.tooFewVerdicts(all.Counts)
		s.result.giveBackMalformed()
	} else if s.dream.Stopped == "" {
		s.stopped = cmp.Or(s.stopped, breaker.why(all.yields))
	}
	return &tasks.End{Result: plainjson.Of(s.result), Write: s.write}, nil
}

// addExamples stores rows, but for those whose experience was reopened or forgotten meanwhile.
func addExamples(ctx context.Context, q *store.Queries, d learn.Dream, rows []learn.Example) error {
	ids := make([]string, len(rows))
	for i, e := range rows {
		ids[i] = e.Experience
	}
	sealed, err := q.StillSealed(ctx, d.ID, ids)
	if err != nil {
		return fmt.Errorf("look for feedback that came meanwhile: %w", err)
	}
	for _, e := range rows {
		if !sealed[e.Experience] {
			continue
		}
		if err := q.AddExample(ctx, e); err != nil {
			return fmt.Errorf("keep an example: %w", err)
		}
	}
	return nil
}

func (s *sliceRun) write(ctx context.Context, q *store.Queries) error {
	if err := addExamples(ctx, q, s.dream, s.examples); err != nil {
		return err
	}
	if err := s.later.drop(ctx, q, s.run); err != nil {
		return err
	}
	if s.stopped != "" {
		if err := q.StopDream(ctx, s.dream.ID, s.stopped); err != nil {
			return fmt.Errorf("stop the dream: %w", err)
		}
	}
	if s.dream.Stage != stageUnreadable {
		return q.SetDreamCounts(ctx, s.dream)
	}
	return q.SetDream(ctx, s.dream)
}
