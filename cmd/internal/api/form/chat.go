package form

import (
	"encoding/json"
	"fmt"
)

// message is one of a chat's request.
type message struct {
	Role       string     `json:"role"`
	Content    any        `json:"content"` // a string, []part or null
	ToolCalls  []toolCall `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`
}

type part struct {
	Type     string    `json:"type"`
	Text     string    `json:"text,omitempty"`
	ImageURL *imageURL `json:"image_url,omitempty"`
}

type imageURL struct {
	URL    string `json:"url"`
	Detail string `json:"detail,omitempty"`
}

type toolCall struct {
	Index    int          `json:"index,omitempty"`
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function functionCall `json:"function"`
}

type functionCall struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type tool struct {
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
	Strict      *bool           `json:"strict,omitempty"`
}

// named chooses one tool.
func named(name string) map[string]any {
	return map[string]any{"type": "function", "function": map[string]string{"name": name}}
}

// streamed asks for a stream that counts its tokens.
func streamed(chat map[string]any) {
	chat["stream"], chat["stream_options"] = true, map[string]bool{"include_usage": true}
}

// completion is what is read of an answer, whole or a chunk of a stream.
type completion struct {
	ID      string          `json:"id"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []choice        `json:"choices"`
	Usage   *usage          `json:"usage"`
	Ours    json.RawMessage `json:"dreamlab"`
}

type choice struct {
	Index   int     `json:"index"`
	Message said    `json:"message"`
	Delta   said    `json:"delta"`
	Finish  *string `json:"finish_reason"`
}

type said struct {
	Content          *string    `json:"content"`
	Refusal          *string    `json:"refusal"`
	Reasoning        *string    `json:"reasoning"`
	ReasoningContent *string    `json:"reasoning_content"`
	ToolCalls        []toolCall `json:"tool_calls"`
}

// thought returns the reasoning, whatever the vendor calls it.
func (s said) thought() string {
	if t := valueOf(s.Reasoning); t != "" {
		return t
	}
	return valueOf(s.ReasoningContent)
}

type usage struct {
	Prompt        int64 `json:"prompt_tokens"`
	Completion    int64 `json:"completion_tokens"`
	Total         int64 `json:"total_tokens"`
	PromptDetails struct {
		Cached int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		Reasoning int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func read(body []byte) (completion, error) {
	var c completion
	if err := json.Unmarshal(body, &c); err != nil {
		return c, fmt.Errorf("read an answer: %w", err)
	}
	return c, nil
}

// first returns the first choice; an answer of ours has one.
func (c completion) first() choice {
	if len(c.Choices) == 0 {
		return choice{}
	}
	return c.Choices[0]
}

// valueOf returns a text, or none.
func valueOf(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// faultOf reads an error of OpenAI's shape.
func faultOf(body []byte) (code, message string, param *string) {
	var told struct {
		Error struct {
			Code    string  `json:"code"`
			Message string  `json:"message"`
			Param   *string `json:"param"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &told); err != nil { // it is of our own making
		return "internal", "The stream broke off.", nil
	}
	return told.Error.Code, told.Error.Message, told.Error.Param
}
