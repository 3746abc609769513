package dream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"dreamlab/handlers"
	"dreamlab/handlers/dream/study"
	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

const (
	// perQuestion is how many conversations, or lessons, one question shows.
	perQuestion = 16
	// maxShown bounds a text in it, in bytes.
	maxShown = 2000
)

// purposeReflect is what the money of questions about lessons is for.
const purposeReflect = "reflect"

// reflectResult is the result of dream.reflect.
type reflectResult struct {
	Reflections int   `json:"reflections"`
	Dropped     int   `json:"dropped"`   // lessons that cited nothing of the batch, or could not be kept
	Unproved    int   `json:"unproved"`  // lessons with which the base model answers no better
	Imagined    int   `json:"imagined"`  // rows of conversations that were made up
	Malformed   int   `json:"malformed"` // questions whose answers could not be read
	Unchecked   int   `json:"unchecked"` // made-up rows that could not be looked through for personal data
	Moved       moved `json:"moved"`     // by what sources of rows have returned
	tally
}

// reflect has the lead model draw lessons from all that the slices found out, a part at a time,
// say them in fewer, and keeps those with which the base model answers their sources better.
func (w *worker) reflect(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	d, err := w.load(ctx, run)
	if err != nil {
		return nil, err
	}
	sum, _, err := w.gather(ctx, run)
	if err != nil {
		return nil, err
	}
	if run.Job.OpenChildren > 0 {
		return &tasks.End{State: job.StateWaiting}, nil
	}
	asks, err := w.asks(ctx, run, d, w.inBatches(d))
	if err != nil {
		return nil, err
	}
	r := &reflectRun{asking: asks, findings: map[string]finding{}}
	if r.result.Moved, err = movedBy(ctx, run.Store.Queries, d.Tenant); err != nil {
		return nil, err
	}
	paused, err := r.pause(ctx, r.all(ctx, sum.Findings))
	if paused != nil {
		return paused, nil
	}
	if err != nil && !handlers.Failed(err, "insufficient_quota") { // without money, what was proved so far is kept
		return nil, err
	}
	r.result.Reflections, r.result.Imagined, r.result.tally = len(r.proved), len(r.examples), r.tally
	return &tasks.End{Result: plainjson.Of(r.result), Write: r.write}, nil
}

type reflectRun struct {
	*asking
	findings map[string]finding // by experience
	lessons  []learn.Reflection // as the lead model drew them
	proved   []learn.Reflection
	examples []learn.Example // of what was made up
	result   reflectResult
}

// all draws lessons and makes up variants; neither waits for the other.
func (r *reflectRun) all(ctx context.Context, findings []finding) error {
	weak := telling(findings)
	return each([]func() error{
		func() error { return r.learn(ctx, weak) },
		func() error { return r.imagine(ctx, weak, difficulty(findings)) },
	}, func(_ int, part func() error) error { return part() })
}

// failures are the findings of which most can be learned.
var failures = map[string]bool{
	study.NegativeFeedback: true, study.BelowFloor: true, study.WorseThanReplay: true, study.Unverified: true,
	study.Disagreement: true, study.SameAsReplay: true, study.Inconsistent: true,
}

// telling are the findings of which something can be learned, failures first.
func telling(all []finding) []finding {
	var out []finding
	for _, f := range all {
		if f.Kept || failures[f.Verdict] {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b finding) int { return cmp.Compare(a.rank(), b.rank()) })
	return out
}

func (f finding) rank() int {
	switch {
	case f.Verdict == study.NegativeFeedback || f.Verdict == study.Corrected:
		return 0
	case failures[f.Verdict]:
		return 1
	}
	return 2
}

func (r *reflectRun) learn(ctx context.Context, findings []finding) error {
	for _, f := range findings {
		r.findings[f.Experience] = f
	}
	parts := slices.Collect(slices.Chunk(findings, perQuestion))
	err := each(parts, func(i int, some []finding) error { return r.part(ctx, i, some) })
	if err != nil {
		return err
	}
	if err := r.reduce(ctx, mostLessons(len(findings))); err != nil {
		return err
	}
	return r.prove(ctx)
}

// Each lesson costs up to six questions to prove: a dream of few findings draws few.
const (
	perLesson    = 3 // findings
	leastLessons = 4
	mostProved   = 24
)

func mostLessons(findings int) int { return min(max(findings/perLesson, leastLessons), mostProved) }

func (r *reflectRun) write(ctx context.Context, q *store.Queries) error {
	if err := addExamples(ctx, q, r.dream, r.examples); err != nil {
		return err
	}
	if err := r.later.drop(ctx, q, r.run); err != nil {
		return err
	}
	for _, lesson := range r.proved {
		stands, err := allThere(ctx, q.Learn(), lesson.Tenant, lesson.Sources)
		if err != nil {
			return err
		}
		if !stands {
			continue
		}
		if err := q.AddReflection(ctx, lesson); err != nil {
			return fmt.Errorf("keep a lesson: %w", err)
		}
	}
	return nil
}

// allThere tells whether none of the experiences that a lesson rests on was
// forgotten meanwhile.
func allThere(ctx context.Context, q *learn.Queries, tenant string, sources []string) (bool, error) {
	there, err := q.StillThere(ctx, tenant, sources)
	if err != nil {
		return false, fmt.Errorf("look for a lesson's sources: %w", err)
	}
	gone := func(id string) bool { return !there[id] }
	return !slices.ContainsFunc(sources, gone), nil
}

// part asks for the lessons of some conversations.
func (r *reflectRun) part(ctx context.Context, part int, findings []finding) error {
	material, ids, err := r.material(ctx, findings)
	if err != nil || len(ids) == 0 {
		return err
	}
	proposals, err := r.propose(ctx, fmt.Sprintf("reflect/%d", part+1), reflectRequest(reflectInstruction, material, ids))
	r.take(proposals, findings)
	return err
}

// propose asks for lessons, once more where the answer can not be read.
func (r *reflectRun) propose(ctx context.Context, step string, request providers.Request) ([]proposal, error) {
	for try := 1; try <= 2; try++ {
		answer, err := r.ask(ctx, lead(fmt.Sprintf("%s/%d", step, try), purposeReflect, request))
		if malformedOutput(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if proposals, ok := parseLessons(answer); ok {
			return proposals, nil
		}
	}
	r.result.Malformed++
	return nil, nil
}

func malformedOutput(err error) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Kind == providers.KindModelOutput
}

// ask asks a model. What is asked can change while answers are awaited, since a conversation is forgotten or
// corrected, or the memory is: an answer is kept under what was asked.
func (r *reflectRun) ask(ctx context.Context, q study.Question) (*providers.Reply, error) {
	return r.asking.ask(ctx, asWorded(q), r.dream.ID)
}

// asWorded names a question's answer by its words, too.
func asWorded(q study.Question) study.Question {
	q.Step += "/" + handlers.RequestHash(q.Purpose, q.Request)[:16]
	return q
}

// lead is a question to the lead model.
func lead(step, purpose string, request providers.Request) study.Question {
	return study.Question{Question: judge.Question{Step: step, Purpose: purpose, Request: request}, Role: study.Lead}
}

// material shows the conversations; those that were deleted meanwhile are left out.
func (r *reflectRun) material(ctx context.Context, findings []finding) (map[string]shown, []string, error) {
	material := map[string]shown{}
	var ids []string
	for _, f := range findings {
		e, err := r.run.Store.Experience(ctx, r.run.Job.Tenant, f.Experience)
		if errors.Is(err, db.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read an experience: %w", err)
		}
		one := study.Masked(e)
		material[e.ID] = shown{
			Said: cutMiddle(one.Conversation()), Answered: cutMiddle(one.Recorded()), Judged: cutMiddle(f.words(one)),
		}
		ids = append(ids, e.ID)
	}
	return material, ids, nil
}
