package emulator

import (
	"net/http"

	"dreamlab/providers/sandbox/lab"
)

func (e *emulator) embed(_ *http.Request, ask *lab.EmbedAsk) (any, *lab.Failure) {
	inputs := ask.Inputs()
	switch {
	case ask.Model != embedder:
		return nil, e.noModel(ask.Model)
	case len(inputs) == 0:
		return nil, lab.Invalid("input", "'input' must be a text or a list of 1 to 2048 texts.")
	}
	return e.lab.Embed(name, ask, inputs), nil
}
