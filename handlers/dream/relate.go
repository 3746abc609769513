package dream

import (
	"context"
	"encoding/json"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/store/learn"
	"dreamlab/tasks/lenient"
)

// likely is from which likeness on two lessons may mean the same, or contradict each other.
const likely = 0.25

// consolidateRun brings a dream's lessons into the memory.
type consolidateRun struct {
	*asking
	before  learn.Memory
	fresh   []learn.Reflection
	meaning meaning
}

func (c *consolidateRun) merged(ctx context.Context) ([]learn.Lesson, error) {
	uses, err := c.run.Store.LessonUses(ctx, c.dream.Tenant, c.before.Created)
	if err != nil {
		return nil, fmt.Errorf("count the uses of lessons: %w", err)
	}
	if c.meaning, err = c.meanings(ctx); err != nil {
		return nil, err
	}
	relations, err := c.relate(ctx)
	if err != nil {
		return nil, err
	}
	m := merger{relations: relations, meaning: c.meaning, uses: uses, limit: c.Settings.MaxLessons}
	return m.merge(c.before.Lessons, c.fresh), nil
}

// relate asks the lead model about each new lesson and the one of the memory that is most like
// it, unless their words or vectors decide. Without money for it they are different.
func (c *consolidateRun) relate(ctx context.Context) (map[pair]string, error) {
	relations := map[pair]string{}
	err := each(c.fresh, func(_ int, r learn.Reflection) error {
		old, found := c.meaning.nearest(c.before.Lessons, r)
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
