// Package embed is the way in of texts that are to be turned into vectors: the job that a
// request becomes, and the answer that its client waits for.
package embed

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/api/chat"
	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/providers/completion"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/embed"
)

// Engine ends jobs and waits for their end. *engine.Engine is one.
type Engine interface {
	// Wait returns the job when it has ended, or as it is after that long.
	Wait(ctx context.Context, tenant, id string, atMost time.Duration) (job.Job, error)
	// Cancel asks for a job's end. Repeating it is harmless.
	Cancel(ctx context.Context, tenant, id string) (job.Job, error)
}

// Embeddings serves POST /v1/embeddings. All fields are required.
type Embeddings struct {
	Gate   *gate.Gate
	Engine Engine
	Store  *store.Store
	Models chat.Contexts
	Log    zerolog.Logger
}

// How a request for vectors is treated, as a chat whose client waits.
const (
	startWithin = 60 * time.Second // or it expires
	patience    = 10 * time.Minute // for the whole answer
	interactive = 9                // the first priority
)

// Create lets a request travel through the queue while its client waits.
func (s *Embeddings) Create(w http.ResponseWriter, c *wire.Call) error {
	began := time.Now()
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	in, err := embed.Parse(body)
	if err == nil {
		err = c.MayAsk(in.Model)
	}
	if err == nil {
		err = s.serves(c, in.Model)
	}
	if err == nil {
		err = s.Gate.Charge(c, in.Model, gate.TokensOf(body, 0))
	}
	if err != nil {
		return err
	}
	j, existed, err := s.Gate.Accept(c, gate.Asked{Hash: gate.HashOf(c, body), Job: job.NewJob{
		Kind: string(tasks.EmbedRun), Input: plainjson.Of(in), Attached: true, ExpiresIn: startWithin, Priority: interactive,
	}})
	if err != nil {
		return err
	}
	c.BodyDone()
	w.Header().Set("X-Dreamlab-Job", j.ID)
	if j, err = s.wait(c, j); err != nil {
		return err
	}
	if j.State != job.StateSucceeded {
		return chat.EndedFault(j)
	}
	answer, err := formatted(j.Result, in.Format)
	if err != nil {
		return err
	}
	waited := time.Since(began)
	if existed {
		waited = 0
	}
	return chat.WriteAnswer(w, answer, waited)
}

// serves refuses a name that no model, alias or tuned model has.
func (s *Embeddings) serves(c *wire.Call, name string) error {
	if _, found := s.Models.Context(name); found {
		return nil
	}
	_, err := s.Store.Route(c.Context(), c.Tenant, name)
	if errors.Is(err, db.ErrNotFound) {
		_, err = s.Store.Model(c.Context(), c.Tenant, name)
	}
	return gate.OrNoModel(err, name)
}

// wait returns the job when it has ended. One whose client leaves is cancelled, unless it
// can be asked for again by its Idempotency-Key.
func (s *Embeddings) wait(c *wire.Call, j job.Job) (job.Job, error) {
	ended, err := s.Engine.Wait(c.Context(), c.Tenant, j.ID, patience)
	if err == nil && ended.State.Ended() {
		return ended, nil
	}
	if j.IdemKey == "" {
		s.cancel(c, j.ID)
	}
	if err != nil {
		return j, err
	}
	return j, wire.Coded("vendor_timeout", "The answer took longer than ten minutes: ask for fewer texts at once.")
}

func (s *Embeddings) cancel(c *wire.Call, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 10*time.Second)
	defer cancel()
	if _, err := s.Engine.Cancel(ctx, c.Tenant, id); err != nil {
		s.Log.Warn().Err(err).Str("job", id).Msg("could not cancel embeddings whose client left; they are paid for")
	}
}

// formatted returns a job's result with its vectors in the format that was asked for.
func formatted(result json.RawMessage, format string) ([]byte, error) {
	if format == embed.Base64 {
		return result, nil
	}
	var answer embed.Answer
	if err := json.Unmarshal(result, &answer); err != nil {
		return nil, err
	}
	for i := range answer.Data {
		text, _ := answer.Data[i].Embedding.(string)
		vector, err := completion.DecodeVector(text)
		if err != nil {
			return nil, err
		}
		answer.Data[i].Embedding = vector
	}
	return plainjson.Of(answer), nil
}
