package bedrock

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// maxTexts is how many texts Cohere's models take at once
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html).
const maxTexts = 96

// Embed turns texts into vectors, as [providers.Embedder] says. Titan's models take
// one text a call and Cohere's up to 96, so that many inputs are several calls, none
// of which is repeated.
func (d *driver) Embed(ctx context.Context, req providers.EmbedRequest) (providers.EmbedReply, error) {
	if err := req.NoDimensions(name); err != nil {
		return providers.EmbedReply{}, err
	}
	model, inputs := req.Model, req.Inputs
	size, invoke := 1, d.titan
	switch {
	case strings.Contains(model, "cohere.embed"):
		size, invoke = maxTexts, d.cohere
	case !strings.Contains(model, "titan-embed"):
		return providers.EmbedReply{}, &providers.Error{
			Kind: providers.KindUnsupported, Provider: name, Model: model, Param: "model",
			Charge: providers.ChargeNone, Message: "the vectors of this model have a form that is not known: " +
				"use amazon.titan-embed-* or cohere.embed-*",
		}
	}
	reply := providers.EmbedReply{Model: model}
	for len(inputs) > 0 {
		some := inputs[:min(size, len(inputs))]
		inputs = inputs[len(some):]
		made, err := invoke(ctx, model, some)
		if err != nil {
			return reply, charged(err, reply)
		}
		reply.Vectors = append(reply.Vectors, made.Vectors...)
		reply.Usage.Input += made.Usage.Input
		reply.Usage.Missing = reply.Usage.Missing || made.Usage.Missing
		reply.RequestID, reply.Sandbox = made.RequestID, made.Sandbox
	}
	return reply, nil
}

// charged is the error of a call that failed after others were answered and billed.
func charged(err error, earlier providers.EmbedReply) error {
	var e *providers.Error
	if len(earlier.Vectors) > 0 && errors.As(err, &e) && e.Charge == providers.ChargeNone {
		e.Charge, e.Usage = providers.ChargeUsage, earlier.Usage
	}
	return err
}

// invoke asks a model in its own words
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html).
// The count of tokens stands in a header.
func (d *driver) invoke(ctx context.Context, model string, in, out any) (providers.EmbedReply, error) {
	header, err := d.Do(ctx, openai.Call{
		Method: http.MethodPost, URL: d.runtimeBase + modelPath(model, "invoke"), In: in, Out: out, Model: model,
	})
	if err != nil {
		return providers.EmbedReply{}, err
	}
	reply := providers.EmbedReply{
		RequestID: header.Get("X-Amzn-Requestid"), Sandbox: header.Get("X-Dreamlab-Sandbox") == "true",
	}
	reply.Usage.Input, err = strconv.ParseInt(header.Get("X-Amzn-Bedrock-Input-Token-Count"), 10, 64)
	reply.Usage.Missing = err != nil || reply.Usage.Input < 0
	return reply, nil
}

// titan asks a model of Amazon's for the vector of one text.
func (d *driver) titan(ctx context.Context, model string, inputs []string) (providers.EmbedReply, error) {
	var out struct {
		Embedding []float32 `json:"embedding"`
		Tokens    *int64    `json:"inputTextTokenCount"`
	}
	in := map[string]string{"inputText": inputs[0]}
	reply, err := d.invoke(ctx, model, in, &out)
	if err != nil {
		return reply, err
	}
	if out.Tokens != nil && *out.Tokens >= 0 {
		reply.Usage = providers.Usage{Input: *out.Tokens}
	}
	reply.Vectors = [][]float32{out.Embedding}
	return reply, complete(reply, model, 1)
}

// cohere asks a model of Cohere's for the vectors of some texts.
func (d *driver) cohere(ctx context.Context, model string, inputs []string) (providers.EmbedReply, error) {
	var out struct {
		Embeddings json.RawMessage `json:"embeddings"`
	}
	in := struct {
		Texts []string `json:"texts"`
		Kind  string   `json:"input_type"`
	}{inputs, "search_document"}
	reply, err := d.invoke(ctx, model, in, &out)
	if err != nil {
		return reply, err
	}
	var typed struct {
		Float [][]float32 `json:"float"`
	}
	if json.Unmarshal(out.Embeddings, &reply.Vectors) != nil && json.Unmarshal(out.Embeddings, &typed) == nil {
		reply.Vectors = typed.Float // the fourth generation's form
	}
	return reply, complete(reply, model, len(inputs))
}

// complete demands a vector for each input.
func complete(reply providers.EmbedReply, model string, inputs int) error {
	fault := &providers.Error{
		Kind: providers.KindUnreadable, Provider: name, Model: model, RequestID: reply.RequestID,
		Charge: providers.ChargeUnknown, Message: "the answer does not hold a vector for each input",
	}
	if len(reply.Vectors) != inputs {
		return fault
	}
	for _, vector := range reply.Vectors {
		if len(vector) == 0 {
			return fault
		}
	}
	return nil
}
