package vertex

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// texts are how many one request may bring: Gemini's models take one, the older ones
// 250 (https://cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings).
func texts(model string) int {
	if strings.HasPrefix(model, "google/gemini-") {
		return 1
	}
	return 250
}

var _ providers.Embedder = (*driver)(nil)

// Embed turns texts into vectors, as [providers.Embedder] says. Google's own models
// have a route of their own, the open ones that of OpenAI's dialect.
func (d *driver) Embed(ctx context.Context, req providers.EmbedRequest) (providers.EmbedReply, error) {
	model := req.Model
	if !strings.HasPrefix(model, "google/") {
		return d.Client.Embed(ctx, req)
	}
	var reply providers.EmbedReply
	for part := range slices.Chunk(req.Inputs, texts(model)) {
		one, err := d.predict(ctx, providers.EmbedRequest{Model: model, Inputs: part, Dimensions: req.Dimensions})
		if err != nil {
			var e *providers.Error
			if len(reply.Vectors) > 0 && errors.As(err, &e) {
				e.Charge = providers.ChargeUnknown // the parts before it were billed
			}
			return reply, err
		}
		one.Vectors = append(reply.Vectors, one.Vectors...)
		one.Usage.Input += reply.Usage.Input
		reply = one
	}
	return reply, nil
}

// content is one text to be embedded.
type content struct {
	Content string `json:"content"`
}

func (d *driver) predict(ctx context.Context, req providers.EmbedRequest) (providers.EmbedReply, error) {
	model, inputs := req.Model, req.Inputs
	var out struct {
		Predictions []struct {
			Embeddings struct {
				Values     []float32 `json:"values"`
				Statistics struct {
					Tokens float64 `json:"token_count"`
				} `json:"statistics"`
			} `json:"embeddings"`
		} `json:"predictions"`
	}
	var in struct {
		Instances  []content `json:"instances"`
		Parameters struct {
			Dimensions int `json:"outputDimensionality,omitempty"`
		} `json:"parameters,omitzero"`
	}
	in.Parameters.Dimensions = req.Dimensions
	for _, text := range inputs {
		in.Instances = append(in.Instances, content{text})
	}
	header, err := d.Do(ctx, openai.Call{
		Method: http.MethodPost, URL: d.place.published(model) + ":predict", In: in, Out: &out, Model: model,
	})
	if err != nil {
		return providers.EmbedReply{}, err
	}
	reply := providers.EmbedReply{
		Model: model, RequestID: header.Get("X-Request-Id"), Sandbox: header.Get("X-Dreamlab-Sandbox") == "true",
	}
	for _, p := range out.Predictions {
		reply.Vectors = append(reply.Vectors, p.Embeddings.Values)
		reply.Usage.Input += int64(max(p.Embeddings.Statistics.Tokens, 0))
	}
	if len(reply.Vectors) != len(inputs) || slices.ContainsFunc(reply.Vectors, empty) {
		return reply, &providers.Error{
			Kind: providers.KindServer, Provider: name, Model: model, Charge: providers.ChargeUnknown,
			Message: fmt.Sprintf("the answer holds no vector for each of %d inputs", len(inputs)),
		}
	}
	return reply, nil
}

func empty(vector []float32) bool { return len(vector) == 0 }
