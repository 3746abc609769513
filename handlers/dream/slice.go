package dream

import (
	"context"
	"errors"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/store"
	"dreamlab/tasks"
)

// sliceResult is the result of dream.slice.
type sliceResult struct {
	Counts   store.DreamCounts `json:"counts"`
	Findings []finding         `json:"findings"`
	Left     []string          `json:"left,omitempty"` // not studied: for another dream
	Live     int64             `json:"live_nano"`
}

// finding is what was found out about one experience, for reflection.
type finding struct {
	Experience string `json:"experience"`
	Kept       bool   `json:"kept"`
	Verdict    string `json:"verdict"` // how it was verified, or why it was rejected
	Reason     string `json:"reason,omitempty"`
	Score      int64  `json:"score"` // thousandths
}

// mostFindings bounds what is handed on to reflection.
const mostFindings = 128

func (s *sliceResult) add(o sliceResult) {
	s.Counts.Add(o.Counts)
	s.Left = append(s.Left, o.Left...)
	s.Live += o.Live
	room := max(mostFindings-len(s.Findings), 0)
	s.Findings = append(s.Findings, o.Findings[:min(room, len(o.Findings))]...)
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
	s := &slicing{worker: w, run: run, dream: d, contents: map[string]bool{}, answered: map[string]bool{}}
	if err := s.recall(ctx); err != nil {
		return nil, err
	}
	for i, id := range in.Experiences {
		err := s.study(ctx, id)
		if errors.Is(err, errBusy) { // the rest is handed back; what was answered is found again
			return &tasks.End{State: store.JobQueued, After: w.Settings.Pause}, nil
		}
		if handlers.Failed(err, "insufficient_quota") {
			s.outOfMoney(in.Experiences[i:])
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return &tasks.End{Result: encode(s.result), Write: s.write}, nil
}

// slicing is a slice at work.
type slicing struct {
	*worker
	run      *tasks.Run
	dream    store.Dream
	result   sliceResult
	examples []store.Example
	contents map[string]bool // of the examples so far
	answered map[string]bool // steps that an earlier attempt has paid for
}

// recall notes what an earlier attempt has paid for.
func (s *slicing) recall(ctx context.Context) error {
	err := s.run.Store.Effects(ctx, s.run.Job.ID, func(e store.Effect) error {
		s.answered[e.Step] = true
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for answers: %w", err)
	}
	return nil
}

// errBusy means that chats wait, and that the dream makes room for them.
var errBusy = errors.New("chats are waiting")

// makeRoom fails with errBusy while chats wait. Steps that are answered go on.
func (s *slicing) makeRoom(ctx context.Context, step string) error {
	if s.answered[step] {
		return nil
	}
	busy, err := s.Busy(ctx)
	if err != nil {
		return fmt.Errorf("look for waiting chats: %w", err)
	}
	if busy {
		return errBusy
	}
	return nil
}

func (s *slicing) outOfMoney(left []string) {
	s.result.Left = left
	s.result.Counts.Reject(rejectBudget, len(left))
}

func (s *slicing) write(ctx context.Context, q *store.Queries) error {
	for _, e := range s.examples {
		if err := q.AddExample(ctx, e); err != nil {
			return fmt.Errorf("keep an example: %w", err)
		}
	}
	return nil
}

// study takes one experience through its stages.
func (s *slicing) study(ctx context.Context, id string) error {
	e, err := s.run.Store.Experience(ctx, s.run.Job.Tenant, id)
	if errors.Is(err, store.ErrNotFound) {
		s.result.Counts.Reject(rejectForgotten, 1) // deleted while it was dreamt of
		return nil
	}
	if err != nil {
		return fmt.Errorf("read an experience: %w", err)
	}
	if e.HeldOut {
		s.result.Counts.HeldOut++
		s.result.Counts.Reject(rejectHeldOut, 1)
		return nil
	}
	p := newPaper(e)
	if reason := p.screen(); reason != "" {
		s.reject(p, reason, "")
		return nil
	}
	known, err := s.knows(ctx, p)
	if err != nil {
		return err
	}
	if known {
		s.reject(p, rejectDuplicate, "")
		return nil
	}
	return s.examine(ctx, p)
}

// knows tells whether the row stands already.
func (s *slicing) knows(ctx context.Context, p *paper) (bool, error) {
	content := p.content()
	if s.contents[content] {
		return true, nil
	}
	known, err := s.run.Store.HasExample(ctx, s.run.Job.Tenant, p.Alias, content, s.dream.ID)
	if err != nil {
		return false, fmt.Errorf("look for the same example: %w", err)
	}
	return known, nil
}

func (s *slicing) reject(p *paper, reason, why string) {
	s.result.Counts.Reject(reason, 1)
	s.result.Findings = append(s.result.Findings, finding{Experience: p.ID, Verdict: reason, Reason: why})
}

func (s *slicing) keep(p *paper, v verdict) {
	row := p.row()
	s.contents[p.content()] = true
	s.result.Counts.Kept++
	s.result.Findings = append(s.result.Findings, finding{
		Experience: p.ID, Kept: true, Verdict: v.how, Reason: v.why, Score: v.score,
	})
	s.examples = append(s.examples, store.Example{
		ID: store.NewID("exm_"), Tenant: p.Tenant, Alias: p.Alias, Dream: s.dream.ID, Experience: p.ID,
		Messages: row, Rejected: v.rejected, Score: v.score, Verdict: v.how,
		Author: p.author, Content: p.content(),
	})
}
