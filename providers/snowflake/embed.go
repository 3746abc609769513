package snowflake

import (
	"context"
	"fmt"
	"net/http"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

var _ providers.Embedder = (*driver)(nil)

// Embed turns texts into vectors, as [providers.Embedder] says. Each vector stands in a
// list of its own.
func (d *driver) Embed(ctx context.Context, req providers.EmbedRequest) (providers.EmbedReply, error) {
	if err := req.NoDimensions(name); err != nil {
		return providers.EmbedReply{}, err
	}
	model, inputs := req.Model, req.Inputs
	var out struct {
		Model string `json:"model"`
		Data  []struct {
			Index     int         `json:"index"`
			Embedding [][]float32 `json:"embedding"`
		} `json:"data"`
		Usage *struct {
			Total float64 `json:"total_tokens"`
		} `json:"usage"`
	}
	in := struct {
		Model string   `json:"model"`
		Text  []string `json:"text"`
	}{model, inputs}
	header, err := d.Do(ctx, openai.Call{
		Method: http.MethodPost, URL: d.base + "/inference:embed", In: in, Out: &out, Model: model,
	})
	if err != nil {
		return providers.EmbedReply{}, err
	}
	reply := providers.EmbedReply{
		Vectors: make([][]float32, len(inputs)), Model: out.Model, Usage: providers.Usage{Missing: true},
		RequestID: header.Get("X-Snowflake-Request-Id"), Sandbox: header.Get("X-Dreamlab-Sandbox") == "true",
	}
	if out.Usage != nil && out.Usage.Total >= 0 {
		reply.Usage = providers.Usage{Input: int64(out.Usage.Total)}
	}
	for _, item := range out.Data {
		if item.Index >= 0 && item.Index < len(inputs) && len(item.Embedding) > 0 {
			reply.Vectors[item.Index] = item.Embedding[0]
		}
	}
	for i, vector := range reply.Vectors {
		if len(vector) == 0 {
			return reply, &providers.Error{
				Kind: providers.KindServer, Provider: name, Model: model, Charge: providers.ChargeUnknown,
				Message: fmt.Sprintf("the answer holds no vector for input %d", i),
			}
		}
	}
	return reply, nil
}
