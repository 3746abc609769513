package bedrock

import (
	"encoding/json"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// toolConfig is what the model may call
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html).
type toolConfig struct {
	Tools  []tool      `json:"tools"`
	Choice *toolChoice `json:"toolChoice,omitempty"`
}

// tool is a tool, or the mark behind which the prompt is cached.
type tool struct {
	Spec       *toolSpec   `json:"toolSpec,omitempty"`
	CachePoint *cachePoint `json:"cachePoint,omitempty"`
}

type toolSpec struct {
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	InputSchema inputSchema `json:"inputSchema"`
	Strict      *bool       `json:"strict,omitempty"`
}

type inputSchema struct {
	JSON json.RawMessage `json:"json"` // as it was given: the order of its members matters to models
}

// toolChoice has one member.
type toolChoice struct {
	Auto *struct{}   `json:"auto,omitempty"`
	Any  *struct{}   `json:"any,omitempty"`
	Tool *chosenTool `json:"tool,omitempty"`
}

type chosenTool struct {
	Name string `json:"name"`
}

// askedTool is a tool in OpenAI's words, and Anthropic's mark of a cache.
type askedTool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      *bool           `json:"strict"`
	} `json:"function"`
	Cache *cacheControl `json:"cache_control"`
}

// tools puts the tools of a request into Bedrock's words, nil for none.
func tools(req *providers.Request) (*toolConfig, error) {
	var asked []askedTool
	if len(req.Tools) == 0 {
		return nil, nil // no tools are asked for
	}
	if err := json.Unmarshal(req.Tools, &asked); err != nil {
		return nil, invalid("tools", "they have not OpenAI's form")
	}
	choice, none, err := choose(req.ToolChoice)
	if err != nil || len(asked) == 0 {
		return nil, err
	}
	if none {
		return withoutTools(req)
	}
	config := &toolConfig{Choice: choice}
	for _, one := range asked {
		if one.Type != "function" && one.Type != "" {
			return nil, openai.Unsupported("tools", "only functions are tools here")
		}
		config.Tools = append(config.Tools, tool{Spec: one.spec()})
		if point := one.Cache.point(); point != nil {
			config.Tools = append(config.Tools, tool{CachePoint: point})
		}
	}
	return config, nil
}

func (t *askedTool) spec() *toolSpec {
	schema := t.Function.Parameters
	if len(schema) == 0 || string(schema) == "null" {
		schema = json.RawMessage(`{"type":"object","properties":{}}`)
	}
	return &toolSpec{t.Function.Name, t.Function.Description, inputSchema{schema}, t.Function.Strict}
}

// withoutTools serves a choice of none, for which Bedrock has no word: the tools
// are left out, which it only takes where no earlier turn has called one.
func withoutTools(req *providers.Request) (*toolConfig, error) {
	for i := range req.Messages {
		if len(req.Messages[i].ToolCalls) > 0 || req.Messages[i].Role == "tool" {
			return nil, openai.Unsupported("tool_choice", "none does not go with turns that called a tool")
		}
	}
	return nil, nil // no tools are wanted
}

// choose puts a choice of tools into Bedrock's words.
func choose(raw json.RawMessage) (choice *toolChoice, none bool, err error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, false, nil
	}
	var word string
	if json.Unmarshal(raw, &word) == nil {
		switch word {
		case "none":
			return nil, true, nil
		case "auto":
			return &toolChoice{Auto: &struct{}{}}, false, nil
		case "required":
			return &toolChoice{Any: &struct{}{}}, false, nil
		}
		return nil, false, invalid("tool_choice", "it is none of none, auto and required")
	}
	var named askedTool
	if json.Unmarshal(raw, &named) != nil || named.Function.Name == "" {
		return nil, false, openai.Unsupported("tool_choice", "give a word or one function's name")
	}
	return &toolChoice{Tool: &chosenTool{named.Function.Name}}, false, nil
}
