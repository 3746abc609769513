package choose

import (
	"bytes"
	"encoding/json"
	"slices"

	"dreamlab/providers"
)

// need is what a request asks of a model.
type need struct {
	tools, images bool
	form          string // json_schema or json_object; "" for text
	least         int64  // tokens of input and answer that it has at least
	input         int64  // tokens, as they are reserved for
	output        int64
}

// The fewest tokens of a text, for what surely does not fit, and the usual length of an
// answer whose length is not bounded, for comparing targets.
const (
	mostBytesPerToken = 6 // English has about four, and rarely more than six
	usualAnswer       = 512
)

func needOf(req *providers.Request) need {
	n := need{
		tools: len(bytes.TrimSpace(req.Tools)) > 0 && !emptyTools(req.Tools),
		form:  formOf(req.ResponseFormat),
		input: providers.InputBound(req), output: usualAnswer,
	}
	if req.MaxTokens > 0 {
		n.output = int64(req.MaxTokens)
	}
	size := len(req.Tools)
	for i := range req.Messages {
		content := req.Messages[i].Content
		if bytes.Contains(content, []byte(`"image_url"`)) && hasImage(content) {
			n.images = true
			continue
		}
		size += len(content) + len(req.Messages[i].ToolCalls)
	}
	n.least = int64(size/mostBytesPerToken) + int64(max(req.MaxTokens, 0))
	return n
}

func emptyTools(raw json.RawMessage) bool {
	var tools []json.RawMessage
	return json.Unmarshal(raw, &tools) == nil && len(tools) == 0
}

func hasImage(content json.RawMessage) bool {
	var parts []struct{ Type string }
	return json.Unmarshal(content, &parts) == nil &&
		slices.ContainsFunc(parts, func(p struct{ Type string }) bool { return p.Type == "image_url" })
}

func formOf(raw json.RawMessage) string {
	var format struct{ Type string }
	if len(raw) == 0 || json.Unmarshal(raw, &format) != nil || format.Type == "text" {
		return ""
	}
	return format.Type
}

// lacking says why a model with these abilities can not answer, nil where it may.
func (n need) lacking(choice providers.Choice, caps []string) *providers.Error {
	e := &providers.Error{
		Kind: providers.KindUnsupported, Provider: choice.Target.Provider, Model: choice.Target.Model,
		Charge: providers.ChargeNone,
	}
	switch {
	case n.tools && lacks(caps, "tools"):
		e.Param, e.Message = "tools", "this model calls no tools"
	case n.images && lacks(caps, "vision"):
		e.Param, e.Message = "messages.content", "this model takes no images"
	case choice.Context > 0 && n.least > int64(choice.Context):
		e.Kind, e.Param = providers.KindContext, "messages"
		e.Message = "the messages and the answer need more tokens than the model's context holds"
	default:
		return nil
	}
	return e
}

// Fits tells whether a model with these abilities is known to take a request, in the
// form that it asks for. Where nothing is known of a model, it is taken to fit.
func Fits(req *providers.Request, context int, caps []string) bool {
	n := needOf(req)
	return n.lacking(providers.Choice{Context: context}, caps) == nil && n.doubt(caps) == 0
}

// doubt is 1 where a model is not known to answer in the form that is asked for: it is
// asked after those that are, since vendors can more than the catalogue says.
func (n need) doubt(caps []string) int {
	object := n.form == "json_object" && !lacks(caps, "json_schema")
	if n.form != "" && lacks(caps, n.form) && !object {
		return 1
	}
	return 0
}

// lacks tells whether a model is known not to have an ability.
func lacks(caps []string, ability string) bool {
	return len(caps) > 0 && !slices.Contains(caps, ability)
}

// usage is what the request is taken to use, wherever it is answered.
func (n need) usage() providers.Usage { return providers.Usage{Input: n.input, Output: n.output} }
