package openai

import (
	"context"
	"fmt"
	"net/http"

	"dreamlab/providers"
)

// Embed turns texts into vectors, as [providers.Embedder] says.
func (c *Client) Embed(ctx context.Context, req providers.EmbedRequest) (providers.EmbedReply, error) {
	model, inputs := req.Model, req.Inputs
	var out struct {
		Model string `json:"model"`
		Usage *usage `json:"usage"`
		Data  []struct {
			Index     int       `json:"index"`
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
	}
	in := struct {
		Model      string   `json:"model"`
		Input      []string `json:"input"`
		Dimensions int      `json:"dimensions,omitempty"`
	}{model, inputs, req.Dimensions}
	call := Call{Method: http.MethodPost, URL: c.at(RouteEmbeddings, model), In: in, Out: &out, Model: model}
	header, err := c.Do(ctx, call)
	if err != nil {
		return providers.EmbedReply{}, err
	}
	reply := providers.EmbedReply{
		Vectors: make([][]float32, len(inputs)), Model: out.Model, Usage: out.Usage.counts(),
		RequestID: c.requestID(header), Sandbox: header.Get("X-Dreamlab-Sandbox") == "true",
	}
	for _, item := range out.Data {
		if item.Index >= 0 && item.Index < len(inputs) {
			reply.Vectors[item.Index] = item.Embedding
		}
	}
	for i, vector := range reply.Vectors {
		if len(vector) == 0 {
			return reply, &providers.Error{
				Kind: providers.KindServer, Provider: c.dialect.Provider, Model: model,
				Message: fmt.Sprintf("the answer holds no vector for input %d", i),
				Charge:  providers.ChargeUnknown,
			}
		}
	}
	return reply, nil
}
