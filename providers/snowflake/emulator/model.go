package emulator

import (
	"fmt"
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// entry is a model that Snowflake serves by its REST API.
type entry struct {
	ID        string
	Context   int64 // tokens
	MaxOutput int64 // tokens
	Embeds    bool
	brain     *model.Model
}

// catalogue lists what is served. Llama 4 is for SQL alone.
func catalogue(l *lab.Lab) []entry {
	return []entry{
		{"llama3.1-8b", 128_000, 16_384, false, l.Small},
		{"llama3.1-70b", 128_000, 16_384, false, l.Large},
		{"mistral-large2", 128_000, 8_192, false, l.Large},
		{"claude-haiku-4-5", 200_000, 16_384, false, l.Large},
		{"openai-gpt-5-nano", 272_000, 8_192, false, l.Small},
		{"snowflake-arctic-embed-m-v1.5", 512, 0, true, nil},
	}
}

// plain tells the models of neither Anthropic nor OpenAI, which can do less.
func (m entry) plain() bool { return !m.claude() && !strings.HasPrefix(m.ID, "openai-") }

func (m entry) claude() bool { return strings.HasPrefix(m.ID, "claude-") }

func (e *emulator) find(id string) (entry, *lab.Failure) {
	for _, m := range e.served {
		if m.ID == id {
			return m, nil
		}
	}
	return entry{}, &lab.Failure{Status: http.StatusBadRequest, Message: fmt.Sprintf("unknown model %s", id)}
}

func (e *emulator) models(*http.Request) (any, *lab.Failure) {
	names := make([]string, len(e.served))
	for i, m := range e.served {
		names[i] = m.ID
	}
	return map[string]any{"models": names}, nil
}

// embed makes vectors, each in a list of its own.
func (e *emulator) embed(_ *http.Request, ask *struct {
	Model string   `json:"model"`
	Text  []string `json:"text"`
}) (any, *lab.Failure) {
	served, refused := e.find(ask.Model)
	switch {
	case refused != nil:
		return nil, refused
	case !served.Embeds:
		return nil, lab.Invalid("", "unknown model %s", ask.Model)
	case len(ask.Text) == 0:
		return nil, lab.Invalid("", "schema validation failed")
	}
	vectors, used := e.lab.Vectors(name, ask.Model, ask.Text)
	data := make([]any, len(vectors))
	for i, vector := range vectors {
		data[i] = map[string]any{"object": "embedding", "index": i, "embedding": [][]float32{vector}}
	}
	return map[string]any{
		"object": "list", "model": ask.Model, "data": data, "usage": map[string]any{"total_tokens": used.In},
	}, nil
}
