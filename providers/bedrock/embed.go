package bedrock

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
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
	size, invoke := 1, d.titan
	switch {
	case strings.Contains(req.Model, "cohere.embed"):
		size, invoke = maxTexts, d.cohere
	case !strings.Contains(req.Model, "titan-embed"):
		return providers.EmbedReply{}, &providers.Error{
			Kind: providers.KindUnsupported, Provider: name, Model: req.Model, Param: "model",
			Charge: providers.ChargeNone, Message: "the vectors of this model have a form that is not known: " +
				"use amazon.titan-embed-* or cohere.embed-*",
		}
	}
	reply := providers.EmbedReply{Model: req.Model}
	for some := range slices.Chunk(req.Inputs, size) {
		part := req
		part.Inputs = some
		made, err := invoke(ctx, part)
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

// titan asks a model of Amazon's for the vector of one text, which the second
// generation makes as long as is asked for.
func (d *driver) titan(ctx context.Context, req providers.EmbedRequest) (providers.EmbedReply, error) {
	if !strings.Contains(req.Model, "titan-embed-text-v2") {
		if err := req.NoDimensions(name); err != nil {
			return providers.EmbedReply{}, err
		}
	}
	var out struct {
		Embedding []float32 `json:"embedding"`
		Tokens    *int64    `json:"inputTextTokenCount"`
	}
	in := struct {
		Text       string `json:"inputText"`
		Dimensions int    `json:"dimensions,omitempty"`
	}{req.Inputs[0], req.Dimensions}
	reply, err := d.invoke(ctx, req.Model, in, &out)
	if err != nil {
		return reply, err
	}
	if out.Tokens != nil && *out.Tokens >= 0 {
		reply.Usage = providers.Usage{Input: *out.Tokens}
	}
	reply.Vectors = [][]float32{out.Embedding}
	return reply, complete(reply, req)
}

// cohere asks a model of Cohere's for the vectors of some texts.
func (d *driver) cohere(ctx context.Context, req providers.EmbedRequest) (providers.EmbedReply, error) {
	if err := req.NoDimensions(name); err != nil {
		return providers.EmbedReply{}, err
	}
	var out struct {
		Embeddings json.RawMessage `json:"embeddings"`
	}
	in := struct {
		Texts []string `json:"texts"`
		Kind  string   `json:"input_type"`
	}{req.Inputs, "search_document"}
	reply, err := d.invoke(ctx, req.Model, in, &out)
	if err != nil {
		return reply, err
	}
	var typed struct {
		Float [][]float32 `json:"float"`
	}
	if json.Unmarshal(out.Embeddings, &reply.Vectors) != nil && json.Unmarshal(out.Embeddings, &typed) == nil {
		reply.Vectors = typed.Float // the fourth generation's form
	}
	return reply, complete(reply, req)
}

// complete demands a vector for each input.
func complete(reply providers.EmbedReply, req providers.EmbedRequest) error {
	empty := func(vector []float32) bool { return len(vector) == 0 }
	if len(reply.Vectors) == len(req.Inputs) && !slices.ContainsFunc(reply.Vectors, empty) {
		return nil
	}
	return &providers.Error{
		Kind: providers.KindUnreadable, Provider: name, Model: req.Model, RequestID: reply.RequestID,
		Charge: providers.ChargeUnknown, Message: "the answer does not hold a vector for each input",
	}
}
