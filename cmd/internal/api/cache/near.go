package cache

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"dreamlab/cmd/internal/alike"
	"dreamlab/providers/completion"
	"dreamlab/tasks"
)

// Semantic is the state of a reply that answered another question which means the same.
const Semantic State = "semantic"

// Questions keeps what was asked, for questions that mean the same. *redis.Cache is one.
type Questions interface {
	// Near returns the entries of a context's questions, by the keys of their answers.
	Near(ctx context.Context, within string) (map[string]string, error)
	// PutNear keeps the entry of a question whose answer a job gave and is kept under a key.
	PutNear(ctx context.Context, within, key, job string, entry []byte) error
}

// asked is a question as others find it: in the context of all that stands before it.
type asked struct {
	within string
	entry  alike.Entry
}

// maxAsked bounds the questions that are compared, in bytes: a longer one has more in it than its
// vector shows.
const maxAsked = 2000

// last splits a question into its last message and a question that holds all else, which has to be
// equal: the model, what was said before, and the parameters.
func (q Question) last() (text string, context Question, ok bool) {
	n := len(q.Request.Messages) - 1
	if n < 0 || q.Request.Messages[n].Role != "user" || json.Unmarshal(q.Request.Messages[n].Content, &text) != nil {
		return "", q, false
	}
	rest := *q.Request
	rest.Messages = append(slices.Clone(rest.Messages[:n]), tasks.Message{Role: "user", Name: rest.Messages[n].Name,
		Extra: rest.Messages[n].Extra})
	context = q
	context.Request = &rest
	return text, context, text != "" && len(text) <= maxAsked
}

// near fills the slot with the answer to a question that means the same, where the caller is the one
// who asks for all equal requests. What it looked for is kept, to be found by others.
func (s *Slot) near(ctx context.Context, q Question, wish wish) {
	if s.cache.Questions == nil || q.Vector == nil || s.who == "" || wish.only {
		return
	}
	text, before, ok := q.last()
	if !ok {
		return
	}
	vector, err := q.Vector(ctx, text)
	if err != nil {
		s.cache.Log.Warn().Err(err).Msg("a question got no vector: it is asked without a look for others like it")
		return
	}
	entry, err := alike.NewEntry(text, vector)
	if err != nil {
		s.cache.Log.Warn().Err(err).Msg("a question got no vector that can be compared")
		return
	}
	s.asked = &asked{before.key(s.cache.Sharing), entry}
	found, err := s.alike(ctx)
	if err != nil {
		s.cache.seen.failures.Inc()
		s.cache.Log.Warn().Err(err).Msg("questions could not be compared: this one is asked")
		return
	}
	s.take(ctx, found, wish)
}

// candidate is a question that is like the slot's.
type candidate struct {
	key        string
	similarity float64
}

// alike lists the questions that are like enough, the most alike first.
func (s *Slot) alike(ctx context.Context) ([]candidate, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	entries, err := s.cache.Questions.Near(ctx, s.asked.within)
	if err != nil {
		return nil, err
	}
	var found []candidate
	for key, entry := range entries {
		if at := s.asked.entry.Similarity(alike.Entry(entry)); at >= s.cache.Threshold {
			found = append(found, candidate{key, at})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.similarity, a.similarity), cmp.Compare(a.key, b.key))
	})
	return found, nil
}

// maxTaken bounds the answers that are looked for: an entry may outlive its answer.
const maxTaken = 4

// take fills the slot with the first answer that is there and fresh.
func (s *Slot) take(ctx context.Context, found []candidate, wish wish) {
	for _, one := range found[:min(len(found), maxTaken)] {
		other := &Slot{cache: s.cache, key: one.key}
		v, err := other.get(ctx)
		if err != nil || s.cache.Now().Sub(v.at) > wish.age {
			continue
		}
		v.similarity = one.similarity
		if s.hit(v); s.Body == nil {
			return
		}
		if s.flight != nil {
			s.flight.value = &v
		}
		s.asked = nil
		s.Leave(ctx)
		return
	}
}

// remember keeps the question beside its answer.
func (s *Slot) remember(ctx context.Context, job string) {
	if s.asked == nil {
		return
	}
	if err := s.cache.Questions.PutNear(ctx, s.asked.within, s.key, job, s.asked.entry); err != nil {
		s.cache.seen.failures.Inc()
		s.cache.Log.Warn().Err(err).Str("job", job).Msg("a question could not be kept for others like it")
	}
}

// likened says in an answer how alike the question was that it was given to.
func likened(body []byte, similarity float64) ([]byte, error) {
	var kept struct {
		Ours json.RawMessage `json:"dreamlab"`
	}
	if err := json.Unmarshal(body, &kept); err != nil {
		return nil, err
	}
	number := strconv.AppendFloat(nil, similarity, 'f', 4, 64)
	return completion.Set(body, "dreamlab", completion.Set(kept.Ours, "similarity", number)), nil
}
