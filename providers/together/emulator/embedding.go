package emulator

import (
	"net/http"

	"dreamlab/providers/sandbox/lab"
)

// embedder is the one model that makes vectors.
const embedder = "intfloat/multilingual-e5-large-instruct"

// embed answers without a usage, as Together does
// (https://docs.together.ai/reference/embeddings-2).
func (i *inference) embed(_ *http.Request, ask *lab.EmbedAsk) (any, *lab.Failure) {
	inputs := ask.Inputs()
	switch {
	case ask.Model != embedder:
		return nil, modelGone(ask.Model)
	case len(inputs) == 0:
		return nil, invalidInput("input", "`input` must be a text or a list of texts")
	}
	answer := i.lab.Embed(name, ask, inputs)
	delete(answer, "usage")
	return answer, nil
}
