package emulator

import (
	"encoding/json"
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// defaultTokens bounds an answer where the request does not: the vendor cuts it there
// and says so by its finish reason alone.
const defaultTokens = 256

// ask is a chat request with what Cloudflare has in its own way.
type ask struct {
	model.Ask
	Prompt string  `json:"prompt"`
	Lora   string  `json:"lora"` // id or name of an adapter
	Text   listing `json:"text"` // of embeddings
	// Format holds a schema without OpenAI's envelope around it.
	Format *struct {
		Type   string          `json:"type"`
		Schema json.RawMessage `json:"json_schema"`
	} `json:"response_format"`
	linked bool // a picture is given by its address
}

// listing is a text or a list of texts.
type listing []string

// UnmarshalJSON takes both.
func (l *listing) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = listing{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// read takes a request's body in.
func read(data []byte) (*ask, *lab.Failure) {
	var a ask
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, badInput("%v", err)
	}
	a.linked = linksImage(data)
	if a.Prompt != "" && len(a.Messages) == 0 {
		a.Messages = []model.Turn{{Role: "user", Content: model.Text(a.Prompt)}}
	}
	if a.Limit() == 0 {
		a.MaxTokens = defaultTokens
	}
	return &a, a.takeFormat()
}

// takeFormat reads the schema of an answer. One in OpenAI's envelope is no schema.
func (a *ask) takeFormat() *lab.Failure {
	if a.Format == nil {
		return nil
	}
	a.ResponseFormat = &model.Format{Type: a.Format.Type}
	var wrapped struct {
		Schema json.RawMessage `json:"schema"`
	}
	if a.Format.Type != "json_schema" {
		return nil
	}
	if json.Unmarshal(a.Format.Schema, &wrapped) != nil || len(wrapped.Schema) > 0 {
		return jsonMode()
	}
	return a.wants(a.Format.Schema)
}

// wants sets the schema of the answer.
func (a *ask) wants(schema json.RawMessage) *lab.Failure {
	format, err := json.Marshal(map[string]any{"type": "json_schema", "json_schema": map[string]any{"schema": schema}})
	if err != nil || json.Unmarshal(format, a.ResponseFormat) != nil {
		return jsonMode()
	}
	return nil
}

// check refuses what Workers AI refuses.
func (a *ask) check(by entry) *lab.Failure {
	in := a.Tokens()
	switch {
	case by.brain == nil:
		return badInput("required properties at '/' are 'text'")
	case len(a.Messages) == 0:
		return badInput("required properties at '/' are 'prompt', 'messages'")
	case a.N != nil && *a.N != 1:
		return badInput("'/n' must be <= 1")
	case a.linked:
		return badInput("image URLs are not supported: send a data URI")
	case a.Structured() && a.Stream:
		return badInput("JSON Mode does not support streaming")
	case in+a.Limit() > by.context:
		return tooLong(in+a.Limit(), by.context)
	}
	return nil
}

// linksImage tells whether a picture is given by an address, which is not fetched.
func linksImage(data []byte) bool {
	var asked struct {
		Messages []struct {
			Content json.RawMessage `json:"content"`
		} `json:"messages"`
	}
	if json.Unmarshal(data, &asked) != nil {
		return false
	}
	for _, turn := range asked.Messages {
		var parts []struct {
			Image struct {
				URL string `json:"url"`
			} `json:"image_url"`
		}
		linked := json.Unmarshal(turn.Content, &parts) == nil
		for _, part := range parts {
			if linked && part.Image.URL != "" && !strings.HasPrefix(part.Image.URL, "data:") {
				return true
			}
		}
	}
	return false
}

// chat answers in OpenAI's form. Through a gateway a model's name may begin with the
// vendor's.
func (e *emulator) chat(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var body json.RawMessage
	if err := lab.ReadJSON(r, &body); err != nil {
		return badInput("%v", err)
	}
	a, refused := read(body)
	if refused != nil {
		return refused
	}
	if strings.Contains(r.URL.Path, "/compat/") {
		a.Model = strings.TrimPrefix(a.Model, "workers-ai/")
	}
	return e.answer(w, r, e.compatible, a)
}

func (e *emulator) answer(w http.ResponseWriter, r *http.Request, dialect *lab.Dialect, a *ask) *lab.Failure {
	by, refused := e.find(a.Model)
	if refused == nil {
		refused = a.check(by)
	}
	if refused != nil {
		return refused
	}
	if a.Lora != "" {
		if by.brain, refused = e.loras.brain(a.Lora, by); refused != nil {
			return refused
		}
	}
	if dialect == e.native && by.unstreamed {
		a.Stream = false // a JSON object comes whether a stream was asked for or not
	}
	e.lab.Chat(w, r, dialect, &lab.Answer{Model: by.id, Ask: &a.Ask}, by.brain)
	return nil
}

func tail(a *lab.Answer) map[string]any {
	if a.Ask.StreamOptions == nil || !a.Ask.StreamOptions.IncludeUsage {
		return nil
	}
	return lab.UsageChunkOpenAI(a)
}
