package dream

import (
	"context"
	"encoding/json"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/handlers/recall"
	"dreamlab/store/learn"
	"dreamlab/tasks/lenient"
)

// likely is from which likeness on two lessons may mean the same, or contradict each other.
const likely = 0.25

// consolidateRun brings a dream's lessons into the memory.
type consolidateRun struct {
	*asking
	before learn.Memory
	fresh  []learn.Reflection
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
	err := each(c.fresh, func(_ int, r learn.Reflection) error {
		old, found := nearest(c.before.Lessons, r)
		if !found {
			return nil
		}
		said, err := c.relation(ctx, r, old)
		if err == nil {
			relations[pair{r.ID, old.ID()}] = said
		}
		return err
	})
	if handlers.Failed(err, "insufficient_quota") {
		return relations, nil
	}
	return relations, err
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
	question := lead("relate/"+r.ID, purposeReflect, relateRequest(old.Full(), lessonOf(r).Full()))
	reply, err := c.ask(ctx, asWorded(question), c.dream.ID)
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
