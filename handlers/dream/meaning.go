package dream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"dreamlab/handlers"
	"dreamlab/handlers/recall"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
)

// How near the vectors of two lessons are that say the same, and that may: models differ in how near they
// put a paraphrase, so that the lead model is asked about all but the nearest.
const (
	sameMeaning   = 0.95
	likelyMeaning = 0.5
)

// meaning tells how near lessons are to each other: by the vectors of an embedding model where there are
// any, else by their words.
type meaning struct {
	vectors map[string][]float32 // by lesson, of length 1; nil where words decide
	how     string               // for the job's result
}

// meanings turns the texts of lessons into vectors. Where none can be had it says why, and words decide:
// a memory is not left unmerged for the sake of a vendor.
func (c *consolidateRun) meanings(ctx context.Context) (meaning, error) {
	if c.Settings.Embedder == "" {
		return meaning{how: "by words: no dream.embedder is set"}, nil
	}
	texts := c.texts()
	vectors, err := c.vectors(ctx, texts)
	switch {
	case ctx.Err() != nil, errors.Is(err, errChatsWait), errors.Is(err, db.ErrFenced):
		return meaning{}, err
	case err != nil:
		return meaning{how: "by words: " + handlers.Failure(err).Message}, nil
	}
	m := meaning{vectors: map[string][]float32{}, how: "by the vectors of " + c.Settings.Embedder}
	for i, text := range texts {
		m.vectors[text] = unit(vectors[i])
	}
	return m, nil
}

func (c *consolidateRun) texts() (all []string) {
	for _, l := range c.before.Lessons {
		all = append(all, l.Text)
	}
	for _, r := range c.fresh {
		all = append(all, r.Lesson)
	}
	return all
}

// vectors asks the embedding model once for all: a memory has some dozens of lessons.
func (c *consolidateRun) vectors(ctx context.Context, texts []string) ([][]float32, error) {
	tiers, err := c.Caller.Resolve(ctx, c.run.Store.Queries, c.run.Job.Tenant, c.Settings.Embedder, c.dream.ID)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(plainjson.Of(texts)) // a lesson may be forgotten between two attempts
	step := "embed/" + hex.EncodeToString(sum[:8])
	if !c.answered[step] {
		if err := c.yieldToChats(ctx, tiers); err != nil {
			return nil, err
		}
	}
	answered, err := c.Caller.Ask(ctx, c.run, handlers.Step{
		Name: step, Purpose: purposeReflect, Tiers: tiers, Alias: c.Settings.Embedder, Within: within(c.dream),
		Request: providers.Request{Inputs: texts},
	})
	if err != nil {
		return nil, err
	}
	c.tally.add(answered)
	return readVectors(answered.Reply, len(texts))
}

// readVectors reads as many vectors as there are texts, all of one length.
func readVectors(reply *providers.Reply, want int) ([][]float32, error) {
	var texts []string
	if err := json.Unmarshal(reply.Body, &texts); err != nil || len(texts) != want {
		return nil, fmt.Errorf("read the vectors: there are %d for %d texts", len(texts), want)
	}
	vectors := make([][]float32, want)
	for i, text := range texts {
		var err error
		if vectors[i], err = completion.DecodeVector(text); err != nil {
			return nil, err
		}
		if len(vectors[i]) == 0 || len(vectors[i]) != len(vectors[0]) {
			return nil, errors.New("read the vectors: their lengths differ")
		}
	}
	return vectors, nil
}

func unit(vector []float32) []float32 {
	squares := 0.0
	for _, x := range vector {
		squares += float64(x) * float64(x)
	}
	out := make([]float32, len(vector))
	for i, x := range vector {
		out[i] = float32(float64(x) / math.Sqrt(max(squares, math.SmallestNonzeroFloat64)))
	}
	return out
}

// nearness is the cosine of two lessons' vectors. It tells whether both have one.
func (m meaning) nearness(a, b string) (float64, bool) {
	left, right := m.vectors[a], m.vectors[b]
	if len(left) == 0 || len(left) != len(right) {
		return 0, false
	}
	sum := 0.0
	for i := range left {
		sum += float64(left[i]) * float64(right[i])
	}
	return sum, true
}

// alike tells lessons that say the same, without asking anybody.
func (m meaning) alike(a, b string) bool {
	near, known := m.nearness(a, b)
	return recall.Alike(a, b) || known && near >= sameMeaning
}

// share is how near two lessons are, and how near they have to be for the lead model to be asked about them.
func (m meaning) share(a, b string) (share, needed float64) {
	if near, known := m.nearness(a, b); known {
		return near, likelyMeaning
	}
	return recall.Likeness(a, b), likely
}

// nearest finds the lesson that is most like a new one, where it is not plain that they are the same.
func (m meaning) nearest(lessons []learn.Lesson, r learn.Reflection) (near learn.Lesson, found bool) {
	best := 0.0
	for _, l := range lessons {
		if m.alike(l.Text, r.Lesson) {
			return l, false
		}
		if share, needed := m.share(l.Text, r.Lesson); share >= max(best, needed) {
			near, best, found = l, share, true
		}
	}
	return near, found
}
