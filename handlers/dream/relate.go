package dream

import (
	"context"
	"encoding/json"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/handlers/recall"
	"dreamlab/store/learn"
	"dreamlab/tasks"
	"dreamlab/tasks/lenient"
)

// likely is from which likeness on two lessons may mean the same, or contradict each other.
const likely = 0.25

// consolidateRun brings a dream's lessons into the memory.
type consolidateRun struct {
	*worker
	run    *tasks.Run
	dream  learn.Dream
	before learn.Memory
	fresh  []learn.Reflection
	live   int64
}

func (c *consolidateRun) merged(ctx context.Context) ([]learn.Lesson, error) {
	uses, err := c.run.Store.LessonUses(ctx, c.dream.Tenant, c.before.Created)
	if err != nil {
		return nil, fmt.Errorf("count the uses of lessons: %w", err)
	}
	relations, err := c.relate(ctx)
	if err != nil {
		return nil, err
	}
	m := merger{relations: relations, uses: uses, limit: c.Settings.MaxLessons}
	return m.merge(c.before.Lessons, c.fresh), nil
}

// relate asks the lead model about each new lesson and the one of the memory that is most like
// it, unless words alone decide. Without money for it they are different.
func (c *consolidateRun) relate(ctx context.Context) (map[pair]string, error) {
	relations := map[pair]string{}
	for _, r := range c.fresh {
		old, found := nearest(c.before.Lessons, r)
		if !found {
			continue
		}
		said, err := c.relation(ctx, r, old)
		if handlers.Failed(err, "insufficient_quota") {
			return relations, nil
		}
		if err != nil {
			return nil, err
		}
		relations[pair{r.ID, old.ID()}] = said
	}
	return relations, nil
}

// nearest finds the lesson that is most like a new one, where words alone do not decide.
func nearest(lessons []learn.Lesson, r learn.Reflection) (near learn.Lesson, found bool) {
	best := likely
	for _, l := range lessons {
		if recall.Alike(l.Text, r.Lesson) {
			return l, false
		}
		if share := recall.Likeness(l.Text, r.Lesson); share >= best {
			near, best, found = l, share, true
		}
	}
	return near, found
}

func (c *consolidateRun) relation(ctx context.Context, r learn.Reflection, old learn.Lesson) (string, error) {
	reply, live, err := c.asked(ctx, c.run, c.dream, c.Lead, handlers.Step{
		Name: "relate/" + r.ID, Purpose: purposeReflect, Request: relateRequest(old.Full(), lessonOf(r).Full()),
	})
	c.live += live
	if malformedOutput(err) {
		return different, nil
	}
	if err != nil {
		return "", err
	}
	var answer struct {
		Relation string `json:"relation"`
	}
	object, err := lenient.Object(reply.Content)
	if err != nil || json.Unmarshal(object, &answer) != nil {
		return different, nil //nolint:nilerr // what can not be read joins nothing
	}
	return answer.Relation, nil
}
