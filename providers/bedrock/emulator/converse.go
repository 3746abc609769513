package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// ask is a Converse request.
type ask struct {
	Messages []turn  `json:"messages"`
	System   []block `json:"system"`
	Limits   struct {
		MaxTokens   int64       `json:"maxTokens"`
		Temperature *float64    `json:"temperature"`
		TopP        *float64    `json:"topP"`
		Stop        model.Stops `json:"stopSequences"`
	} `json:"inferenceConfig"`
	Tools  *toolConfig `json:"toolConfig"`
	Output struct {
		Effort     string `json:"effort"`
		TextFormat *struct {
			Type      string `json:"type"`
			Structure struct {
				Schema struct {
					Name   string  `json:"name"`
					Schema *string `json:"schema"` // JSON in a string
				} `json:"jsonSchema"`
			} `json:"structure"`
		} `json:"textFormat"`
	} `json:"outputConfig"`
	Tier *struct {
		Type string `json:"type"`
	} `json:"serviceTier"`
}

type turn struct {
	Role    string  `json:"role"`
	Content []block `json:"content"`
}

type block struct {
	Text    *string `json:"text"`
	ToolUse *struct {
		ID    string          `json:"toolUseId"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	} `json:"toolUse"`
	ToolResult *struct {
		ID      string  `json:"toolUseId"`
		Content []block `json:"content"`
	} `json:"toolResult"`
	Image *struct {
		Format string `json:"format"`
		Source struct {
			Bytes    []byte          `json:"bytes"`
			Location json.RawMessage `json:"s3Location"`
		} `json:"source"`
	} `json:"image"`
	Reasoning  json.RawMessage `json:"reasoningContent"`
	CachePoint json.RawMessage `json:"cachePoint"`
}

type toolConfig struct {
	Tools []struct {
		Spec *struct {
			Name        string `json:"name"`
			InputSchema struct {
				JSON json.RawMessage `json:"json"`
			} `json:"inputSchema"`
		} `json:"toolSpec"`
	} `json:"tools"`
	Choice *struct {
		Any  *struct{} `json:"any"`
		Tool *struct {
			Name string `json:"name"`
		} `json:"tool"`
	} `json:"toolChoice"`
}

// converse answers both routes.
func (e *emulator) converse(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var asked ask
	if err := lab.ReadJSON(r, &asked); err != nil {
		return &lab.Failure{
			Status: http.StatusBadRequest, Type: "SerializationException", Message: "The body is not the JSON of Converse",
		}
	}
	answer, brain, refused := e.prepare(&asked, r.PathValue("id"))
	if refused != nil {
		return refused
	}
	answer.Ask.Stream = strings.HasSuffix(r.URL.Path, "-stream")
	e.lab.Chat(w, r, e.dialect, answer, brain)
	return nil
}

// prepare finds who answers, or says what Bedrock refuses.
func (e *emulator) prepare(asked *ask, id string) (*lab.Answer, *model.Model, *lab.Failure) {
	served, refused := e.find(id)
	if refused == nil {
		refused = asked.check(served)
	}
	if refused != nil {
		return nil, nil, refused
	}
	plain := asked.plain()
	plain.Model = id
	if plain.Tokens() > served.Context {
		return nil, nil, refuse("Input is too long for requested model.")
	}
	answer := &lab.Answer{Model: id, Ask: plain, Free: served.imported}
	if asked.Tier != nil {
		answer.Tier, answer.Percent = asked.Tier.Type, tierPercent[asked.Tier.Type]
	}
	if asked.Output.Effort != "" {
		answer.Reasoning = model.CountTokens(thought)
	}
	return answer, served.brain, nil
}

// plain puts a request into the sandbox's words.
func (a *ask) plain() *model.Ask {
	plain := &model.Ask{MaxTokens: a.Limits.MaxTokens, Stop: a.Limits.Stop, Temperature: a.Limits.Temperature}
	if system := textOf(a.System); system != "" {
		plain.Messages = append(plain.Messages, model.Turn{Role: "system", Content: model.Text(system)})
	}
	for _, t := range a.Messages {
		plain.Messages = append(plain.Messages, model.Turn{Role: t.Role, Content: model.Text(textOf(t.Content))})
	}
	a.addFormat(plain)
	a.addTools(plain)
	return plain
}

func (a *ask) addFormat(plain *model.Ask) {
	format := a.Output.TextFormat
	if format == nil {
		return
	}
	encoded, err := json.Marshal(map[string]any{"type": "json_schema", "json_schema": map[string]any{
		"name": format.Structure.Schema.Name, "schema": json.RawMessage(*format.Structure.Schema.Schema),
	}})
	if err == nil {
		err = json.Unmarshal(encoded, &plain.ResponseFormat)
	}
	if err != nil { // it was checked
		panic(err)
	}
}

func (a *ask) addTools(plain *model.Ask) {
	if a.Tools == nil {
		return
	}
	for _, t := range a.Tools.Tools {
		if t.Spec == nil {
			continue
		}
		var tool model.Tool
		tool.Function.Name, tool.Function.Parameters = t.Spec.Name, t.Spec.InputSchema.JSON
		plain.Tools = append(plain.Tools, tool)
	}
	choice := a.Tools.Choice
	switch {
	case choice == nil:
	case choice.Any != nil:
		plain.ToolChoice = json.RawMessage(`"required"`)
	case choice.Tool != nil:
		name, err := json.Marshal(choice.Tool.Name)
		if err != nil { // a text always marshals
			panic(err)
		}
		plain.ToolChoice = json.RawMessage(`{"function":{"name":` + string(name) + `}}`)
	}
}

// textOf joins the texts of blocks, those of results included.
func textOf(blocks []block) string {
	var texts []string
	for _, b := range blocks {
		switch {
		case b.Text != nil:
			texts = append(texts, *b.Text)
		case b.ToolResult != nil:
			texts = append(texts, textOf(b.ToolResult.Content))
		}
	}
	return strings.Join(texts, "\n")
}

// has tells whether any block of the conversation is of a kind.
func (a *ask) has(kind func(block) bool) bool {
	return slices.ContainsFunc(a.Messages, func(t turn) bool { return slices.ContainsFunc(t.Content, kind) })
}
