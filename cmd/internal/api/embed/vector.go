package embed

import (
	"context"
	"encoding/json"
	"time"

	"dreamlab/cmd/internal/api/chat"
	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/providers/completion"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/embed"
)

// vectorWait is how long a chat waits for the vector of its question.
const vectorWait = 3 * time.Second

// Vector turns a text of the caller's into a vector, by a job of its key's, which is booked as others.
func (s *Embeddings) Vector(c *wire.Call, model, text string) ([]float32, error) {
	ctx, cancel := context.WithTimeout(c.Context(), vectorWait)
	defer cancel()
	c.Request = c.WithContext(ctx)
	in := embed.Input{Model: model, Inputs: []string{text}, Format: embed.Base64}
	j, _, err := s.Gate.Accept(c, gate.Asked{Job: job.NewJob{
		Kind: string(tasks.EmbedRun), Input: plainjson.Of(in), Attached: true, ExpiresIn: vectorWait, Priority: interactive,
	}})
	if err != nil {
		return nil, err
	}
	if j, err = s.wait(c, j); err != nil {
		return nil, err
	}
	if j.State != job.StateSucceeded {
		return nil, chat.EndedFault(j)
	}
	var answer embed.Answer
	if err := json.Unmarshal(j.Result, &answer); err != nil || len(answer.Data) != 1 {
		return nil, wire.Coded("internal", "The vector of a question can not be read.")
	}
	packed, _ := answer.Data[0].Embedding.(string)
	return completion.DecodeVector(packed)
}
