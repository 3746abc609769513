package dream

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"dreamlab/handlers/dream/study"
	"dreamlab/handlers/judge/screen"
	"dreamlab/handlers/recall"
	"dreamlab/providers"
	"dreamlab/providers/redact"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/tasks/lenient"
)

// Bounds of a lesson and of what stands beside it, in characters.
const (
	maxLesson  = 400
	maxTitle   = 80
	maxApplies = 200
)

// words tells a finding, and what the user would have wanted.
func (f finding) words(one *study.Study) string {
	words := "rejected: "
	if f.Kept {
		words = "kept: "
	}
	words += f.Verdict
	if f.Reason != "" {
		words += ". " + f.Reason
	}
	if better := one.Better(); better != "" {
		words += ". Better: " + better
	}
	return words
}

// cutMiddle leaves the beginning and the end of a long text: what a conversation is about, and
// what was asked last.
func cutMiddle(text string) string {
	if len(text) <= maxShown {
		return text
	}
	head, tail := text[:maxShown/4], text[len(text)-3*maxShown/4:]
	return strings.ToValidUTF8(head, "") + " … " + strings.ToValidUTF8(tail, "")
}

// proposal is a lesson as the model wrote it.
type proposal struct {
	Title   string   `json:"title"`
	Applies string   `json:"when"`
	Lesson  string   `json:"lesson"`
	Sources []string `json:"sources"`
}

// parseLessons reads the lessons of an answer, whatever stands around their object. A
// lesson that breaks the form is returned empty, and loses no other.
func parseLessons(reply *providers.Reply) ([]proposal, bool) {
	if reply.Finish == "length" || reply.Refusal != "" {
		return nil, false
	}
	object, err := lenient.Object(reply.Content)
	if err != nil {
		return nil, false
	}
	var answer struct {
		Lessons *[]json.RawMessage `json:"lessons"`
	}
	if json.Unmarshal(object, &answer) != nil || answer.Lessons == nil {
		return nil, false
	}
	proposals := make([]proposal, len(*answer.Lessons))
	for i, raw := range *answer.Lessons {
		if json.Unmarshal(raw, &proposals[i]) != nil {
			proposals[i] = proposal{}
		}
	}
	return proposals[:min(len(proposals), maxLessonsAsked)], true
}

// reflection reads a proposal, and tells whether it can be kept: a lesson without personal data,
// which does not speak to a judge or advertise.
func (r *reflectRun) reflection(p proposal, sources []string, score int64) (learn.Reflection, bool) {
	out := learn.Reflection{
		ID: db.NewID("rfl_"), Tenant: r.run.Job.Tenant, Dream: r.dream.ID,
		Title: clip(oneLine(p.Title), maxTitle), Applies: clip(oneLine(p.Applies), maxApplies),
		Lesson: oneLine(p.Lesson), Sources: sources, Score: score,
	}
	said := out.Title + "\n" + out.Applies + "\n" + out.Lesson
	masked, secret := redact.Mask(said)
	fits := out.Lesson != "" && len([]rune(out.Lesson)) <= maxLesson
	kept := fits && len(sources) > 0 && !secret && masked == said &&
		!redact.Placeholder(said) && !redact.Invented(said) && screen.Text(nil, out.Lesson) == ""
	return out, kept
}

// clip shortens a text to so many characters.
func clip(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// take keeps the lessons that rest on conversations of the batch.
func (r *reflectRun) take(proposals []proposal, findings []finding) {
	scores := map[string]int64{}
	for _, f := range findings {
		scores[f.Experience] = f.Score
	}
	for _, p := range proposals {
		sources, score := cited(p.Sources, scores)
		lesson, ok := r.reflection(p, sources, score)
		if !ok {
			r.result.Dropped++
			continue
		}
		r.add(lesson)
	}
}

// add takes a lesson in, or its sources where the same was said before.
func (r *reflectRun) add(lesson learn.Reflection) {
	at := slices.IndexFunc(r.lessons, func(l learn.Reflection) bool { return recall.Alike(l.Lesson, lesson.Lesson) })
	if at < 0 {
		r.lessons = append(r.lessons, lesson)
		return
	}
	r.lessons[at].Sources = union(r.lessons[at].Sources, lesson.Sources)
}

// cited returns the sources that were shown, each once, and their mean score.
func cited(sources []string, scores map[string]int64) (known []string, mean int64) {
	seen := map[string]bool{}
	for _, id := range sources[:min(len(sources), maxSources)] {
		score, shown := scores[id]
		if !shown || seen[id] {
			continue
		}
		seen[id] = true
		known = append(known, id)
		mean += score
	}
	if len(known) > 0 {
		mean /= int64(len(known))
	}
	return known, mean
}

// maxRounds bounds how often lessons are said in fewer.
const maxRounds = 3

// reduce has the lead model say the lessons in fewer until there are few enough. Where it does
// not, those that rest on most conversations are left.
func (r *reflectRun) reduce(ctx context.Context, most int) error {
	for round := 1; len(r.lessons) > most && round <= maxRounds; round++ {
		parts := slices.Collect(slices.Chunk(r.lessons, perQuestion))
		r.lessons = nil
		err := each(parts, func(i int, some []learn.Reflection) error {
			return r.reducePart(ctx, fmt.Sprintf("reduce/%d/%d", round, i+1), some)
		})
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(r.lessons, func(a, b learn.Reflection) int { return cmp.Compare(len(b.Sources), len(a.Sources)) })
	r.lessons = r.lessons[:min(len(r.lessons), most)]
	return nil
}

// reducePart says some lessons in fewer, and leaves them as they are where it is not answered.
func (r *reflectRun) reducePart(ctx context.Context, step string, some []learn.Reflection) error {
	material, ids := map[string]proposal{}, make([]string, len(some))
	byID, scores := map[string]learn.Reflection{}, map[string]int64{}
	for i, l := range some {
		ids[i] = fmt.Sprintf("lesson_%d", i+1)
		material[ids[i]] = proposal{Title: l.Title, Applies: l.Applies, Lesson: l.Lesson}
		byID[ids[i]], scores[ids[i]] = l, l.Score
	}
	proposals, err := r.propose(ctx, step, reflectRequest(reduceInstruction, material, ids))
	if err != nil {
		return err
	}
	if len(proposals) == 0 {
		for _, l := range some {
			r.add(l)
		}
		return nil
	}
	for _, p := range proposals {
		of, score := cited(p.Sources, scores)
		var sources []string
		for _, id := range of {
			sources = union(sources, byID[id].Sources)
		}
		if lesson, ok := r.reflection(p, sources, score); ok {
			r.add(lesson)
		}
	}
	return nil
}
