package emulator

import (
	"fmt"
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// chat is the OpenAI-compatible endpoint
// (https://cloud.google.com/vertex-ai/generative-ai/docs/migrate/openai/overview).
func (e *emulator) chat(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var ask model.Ask
	if err := lab.ReadJSON(r, &ask); err != nil {
		return lab.Invalid("", "Invalid JSON payload received. %v", err)
	}
	served, refused := e.find(r, ask.Model)
	if refused == nil {
		refused = served.check(&ask)
	}
	if refused != nil {
		return refused
	}
	answer := &lab.Answer{Model: served.ID, Ask: &ask, Reasoning: served.Thinks}
	e.lab.Chat(w, r, e.openai, answer, served.brain)
	return nil
}

// check refuses what Google refuses.
func (m entry) check(ask *model.Ask) *lab.Failure {
	in := ask.Tokens()
	switch {
	case m.brain == nil:
		return lab.Invalid("model", "Model %s does not support chat completions.", m.ID)
	case len(ask.Messages) == 0:
		return lab.Invalid("messages", "Unable to submit request because at least one contents field is required.")
	case ask.Limit() > m.MaxOutput:
		return lab.Invalid("max_tokens", "Unable to submit request because it has a maxOutputTokens value of %d but "+
			"the supported range is from 1 (inclusive) to %d (exclusive). Update the value and try again.",
			ask.Limit(), m.MaxOutput+1)
	case in > m.Context:
		return lab.Invalid("messages", "The input token count (%d) exceeds the maximum number of tokens allowed (%d).",
			in, m.Context)
	}
	return nil
}

func whole(a *lab.Answer) map[string]any {
	object := lab.WholeOpenAI(a)
	object["usage"] = usage(a)
	object["system_fingerprint"] = ""
	return object
}

// usage has the reasoning beside the tokens of the answer, as Gemini counts.
func usage(a *lab.Answer) map[string]any {
	object := lab.UsageOpenAI(a.Usage)
	object["extra_properties"] = map[string]any{"google": map[string]any{"traffic_type": "ON_DEMAND"}}
	if a.Reasoning > 0 {
		object["completion_tokens"] = a.Usage.Out - a.Reasoning
		object["completion_tokens_details"] = map[string]any{"reasoning_tokens": a.Reasoning}
	}
	return object
}

// chunk has the usage on the last one with a choice.
func chunk(a *lab.Answer, p lab.Piece) map[string]any {
	object := lab.ChunkOpenAI(a, p)
	object["system_fingerprint"] = ""
	if p.Last {
		object["usage"] = usage(a)
	}
	return object
}

func tail(*lab.Answer) map[string]any { return nil }

// embed answers for the open models in OpenAI's form.
func (e *emulator) embed(r *http.Request, ask *lab.EmbedAsk) (any, *lab.Failure) {
	served, refused := e.find(r, ask.Model)
	inputs := ask.Inputs()
	switch {
	case refused != nil:
		return nil, refused
	case !served.Embeds:
		return nil, lab.Invalid("model", "Model %s does not support embeddings.", ask.Model)
	case len(inputs) == 0:
		return nil, lab.Invalid("input", "The request holds no input.")
	}
	return e.lab.Embed(name, ask, inputs), nil
}

// tooMany is what Google says of more texts than a model takes at once.
func tooMany(got, most int) *lab.Failure {
	return lab.Invalid("instances", "%s", fmt.Sprintf("%d instance(s) is allowed per prediction. Actual: %d", most, got))
}
