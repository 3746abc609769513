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
	"dreamlab/handlers/recall"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// maxTrials is on how many of its sources a lesson is tried, the worst answered first.
const maxTrials = 2

// prove keeps the lessons with which the base model answers more of their sources better than
// worse, and those of which its answers show nothing, since they are the same. What the memory
// says already was proved before.
func (r *reflectRun) prove(ctx context.Context) error {
	memory, err := r.run.Store.Memory(ctx, r.run.Job.Tenant)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return fmt.Errorf("read the memory: %w", err)
	}
	return each(r.lessons, func(i int, lesson learn.Reflection) error {
		if remembered(memory.Lessons, lesson) {
			r.proved = append(r.proved, lesson)
			return nil
		}
		decided, err := r.proof(ctx, fmt.Sprintf("lesson_%d", i+1), &lesson)
		switch {
		case err != nil:
			return err
		case decided && lesson.Helped <= lesson.Harmed:
			r.result.Unproved++
		default:
			r.proved = append(r.proved, lesson)
		}
		return nil
	})
}

// proof tries a lesson on some of its sources, counts where it helped and harmed, and tells whether the answers
// differ on any of them.
func (r *reflectRun) proof(ctx context.Context, step string, lesson *learn.Reflection) (decided bool, err error) {
	sources := slices.Clone(lesson.Sources)
	slices.SortStableFunc(sources, func(a, b string) int {
		return cmp.Compare(r.findings[a].rank(), r.findings[b].rank())
	})
	err = each(sources[:min(len(sources), maxTrials)], func(_ int, id string) error {
		gain, differ, err := r.try(ctx, step, *lesson, id)
		decided = decided || differ
		lesson.Helped += max(gain, 0)
		lesson.Harmed += max(-gain, 0)
		return err
	})
	return decided, err
}

// remembered tells whether a memory says what a lesson says.
func remembered(lessons []learn.Lesson, lesson learn.Reflection) bool {
	return slices.ContainsFunc(lessons, func(l learn.Lesson) bool { return recall.Alike(l.Text, lesson.Lesson) })
}

// try tries a lesson on one experience: 1 where it helped, -1 where it harmed, and whether the
// answers differ.
func (r *reflectRun) try(
	ctx context.Context, step string, lesson learn.Reflection, id string,
) (gain int, differ bool, err error) {
	e, err := r.run.Store.Experience(ctx, r.run.Job.Tenant, id)
	if errors.Is(err, db.ErrNotFound) {
		return 0, true, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read an experience: %w", err)
	}
	one := study.New(e)
	given := map[string]judge.Answer{}
	if err := r.replayed(ctx, one, given); err != nil {
		return 0, false, err
	}
	front := recall.Front([]learn.Lesson{{Title: lesson.Title, Applies: lesson.Applies, Text: lesson.Lesson}})
	trial := one.Try(front, step)
	for {
		questions, gain, err := trial.Next(given)
		if err != nil || len(questions) == 0 {
			return gain, trial.Decided(given), err
		}
		q := questions[0]
		reply, err := r.ask(ctx, q)
		if errors.Is(err, errChatsWait) || errors.Is(err, errLater) {
			return 0, false, err
		}
		given[q.Step] = judge.Answer{Reply: reply, Err: err}
	}
}

// replayed finds the base model's answer without the lesson, where a slice has asked for it.
func (r *reflectRun) replayed(ctx context.Context, one *study.Study, given map[string]judge.Answer) error {
	slice := r.findings[one.Experience.ID].job
	effect, err := r.run.Store.Effect(ctx, slice, one.Replay())
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for an answer: %w", err)
	}
	reply, err := handlers.ReplyOf(effect)
	if err == nil {
		given[one.Replay()] = judge.Answer{Reply: reply}
	}
	return err
}
