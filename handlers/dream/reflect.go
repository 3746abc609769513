package dream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dreamlab/handlers"
	"dreamlab/handlers/dream/study"
	"dreamlab/providers"
	"dreamlab/providers/redact"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/lenient"
)

const (
	// perQuestion is how many conversations one question shows.
	perQuestion = 32
	// maxShown bounds a text in it, in bytes.
	maxShown = 600
	// maxLesson bounds a lesson, in characters.
	maxLesson = 400
)

// reflectResult is the result of dream.reflect.
type reflectResult struct {
	Reflections int   `json:"reflections"`
	Dropped     int   `json:"dropped"`   // lessons that cited nothing of the batch, or could not be kept
	Malformed   int   `json:"malformed"` // questions whose answers could not be read
	Live        int64 `json:"live_nano"`
}

// reflect has the lead model draw lessons from what the slices found out.
func (w *worker) reflect(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	d, err := w.load(ctx, run)
	if err != nil {
		return nil, err
	}
	sum, _, err := w.gather(ctx, run)
	if err != nil {
		return nil, err
	}
	r := &reflectRun{worker: w, run: run, dream: d}
	for part := 0; part*perQuestion < len(sum.Findings); part++ {
		findings := sum.Findings[part*perQuestion : min((part+1)*perQuestion, len(sum.Findings))]
		err := r.part(ctx, part, findings)
		if handlers.Failed(err, "insufficient_quota") {
			break // what was learned so far is kept
		}
		if err != nil {
			return nil, err
		}
	}
	r.result.Reflections = len(r.lessons)
	return &tasks.End{Result: plainjson.Of(r.result), Write: r.write}, nil
}

type reflectRun struct {
	*worker
	run     *tasks.Run
	dream   learn.Dream
	lessons []learn.Reflection
	result  reflectResult
}

func (r *reflectRun) write(ctx context.Context, q *store.Queries) error {
	for _, lesson := range r.lessons {
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

// part asks for the lessons of some conversations, once more where the answer
// can not be read.
func (r *reflectRun) part(ctx context.Context, part int, findings []finding) error {
	material, ids, err := r.material(ctx, findings)
	if err != nil || len(ids) == 0 {
		return err
	}
	request := reflectRequest(material, ids)
	for try := 1; try <= 2; try++ {
		answer, err := r.ask(ctx, fmt.Sprintf("reflect/%d/%d", part+1, try), request)
		if malformedOutput(err) {
			continue
		}
		if err != nil {
			return err
		}
		if proposals, ok := parseLessons(answer); ok {
			r.take(proposals, findings)
			return nil
		}
	}
	r.result.Malformed++
	return nil
}

func malformedOutput(err error) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Kind == providers.KindModelOutput
}

func (r *reflectRun) ask(ctx context.Context, name string, request providers.Request) (
	*providers.Reply, error,
) {
	tiers, err := r.Caller.Resolve(ctx, r.run.Store.Queries, r.run.Job.Tenant, r.Lead, r.dream.ID)
	if err != nil {
		return nil, err
	}
	answered, err := r.Caller.Ask(ctx, r.run, handlers.Step{
		Name: name, Purpose: "reflect", Request: request, Tiers: tiers, Alias: r.Lead, Within: within(r.dream),
	})
	if err != nil {
		return nil, err
	}
	r.result.Live += answered.Live
	return answered.Reply, nil
}

// material shows the conversations; those that were deleted meanwhile are left out.
func (r *reflectRun) material(ctx context.Context, findings []finding) (
	map[string]shown, []string, error,
) {
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
		one := study.New(e)
		material[e.ID] = shown{Asked: cut(one.Asked()), Answered: cut(one.Recorded()), Judged: cut(f.words(one))}
		ids = append(ids, e.ID)
	}
	return material, ids, nil
}

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

func cut(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + " …"
}

// proposal is a lesson as the model wrote it.
type proposal struct {
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
	return proposals, true
}

// take keeps the lessons that rest on conversations of the batch.
func (r *reflectRun) take(proposals []proposal, findings []finding) {
	scores := map[string]int64{}
	for _, f := range findings {
		scores[f.Experience] = f.Score
	}
	for _, lesson := range proposals[:min(len(proposals), maxLessonsAsked)] {
		text, secret := redact.Mask(strings.Join(strings.Fields(lesson.Lesson), " "))
		sources, score := cited(lesson.Sources, scores)
		if text == "" || secret || redact.Placeholder(text) || len(sources) == 0 || len([]rune(text)) > maxLesson {
			r.result.Dropped++
			continue
		}
		r.lessons = append(r.lessons, learn.Reflection{
			ID: db.NewID("rfl_"), Tenant: r.run.Job.Tenant, Dream: r.dream.ID,
			Lesson: text, Sources: sources, Score: score,
		})
	}
}

// cited returns the sources that were shown, each once, and their mean score.
func cited(sources []string, scores map[string]int64) (known []string, mean int64) {
	seen := map[string]bool{}
	for _, id := range sources {
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
