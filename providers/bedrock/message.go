package bedrock

import (
	"encoding/json"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// turn is a message of a conversation
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html).
type turn struct {
	Role    string  `json:"role"` // user or assistant, by turns
	Content []block `json:"content"`
}

// block is a part of a turn, with one member.
type block struct {
	Text       string      `json:"text,omitempty"`
	Image      *image      `json:"image,omitempty"`
	ToolUse    *toolUse    `json:"toolUse,omitempty"`
	ToolResult *toolResult `json:"toolResult,omitempty"`
	Reasoning  *reasoning  `json:"reasoningContent,omitempty"`
	CachePoint *cachePoint `json:"cachePoint,omitempty"`
}

type toolUse struct {
	ID    string          `json:"toolUseId"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

type toolResult struct {
	ID      string  `json:"toolUseId"`
	Content []block `json:"content"`
}

// cachePoint marks the end of what is to be cached.
type cachePoint struct {
	Type string `json:"type"`
	TTL  string `json:"ttl,omitempty"`
}

// cacheControl is Anthropic's word for it, which many clients send.
type cacheControl struct {
	Type string `json:"type"`
	TTL  string `json:"ttl"`
}

func (c *cacheControl) point() *cachePoint {
	if c == nil || c.Type != "ephemeral" {
		return nil
	}
	return &cachePoint{Type: "default", TTL: c.TTL}
}

// turns puts messages into Bedrock's words: what the system says stands by itself,
// and the roles take turns, so that messages of one role are one turn.
func turns(messages []providers.Message) (system []block, list []turn, err error) {
	for i := range messages {
		message := &messages[i]
		blocks, err := blocksOf(message)
		if err != nil {
			return nil, nil, err
		}
		role := message.Role
		switch role {
		case "system", "developer":
			system = append(system, blocks...)
			continue
		case "tool", "function":
			role = "user"
		}
		if last := len(list) - 1; last >= 0 && list[last].Role == role {
			list[last].Content = append(list[last].Content, blocks...)
		} else if len(blocks) > 0 {
			list = append(list, turn{role, blocks})
		}
	}
	return system, list, nil
}

func blocksOf(m *providers.Message) ([]block, error) {
	blocks, err := contentBlocks(m.Content)
	switch {
	case err != nil:
		return nil, err
	case m.Role == "tool" || m.Role == "function":
		if len(blocks) == 0 {
			blocks = []block{{Text: "(nothing)"}} // a result without content is refused
		}
		return []block{{ToolResult: &toolResult{m.ToolCallID, blocks}}}, nil
	case m.Role != "assistant":
		return blocks, nil
	}
	blocks = append(earlierReasoning(m.Extra["reasoning_details"]), blocks...)
	if strings.TrimSpace(m.Refusal) != "" {
		blocks = append(blocks, block{Text: m.Refusal})
	}
	calls, err := earlierCalls(m.ToolCalls)
	return append(blocks, calls...), err
}

// part is a part of a content in OpenAI's words.
type part struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	ImageURL struct {
		URL string `json:"url"`
	} `json:"image_url"`
	Cache *cacheControl `json:"cache_control"`
}

// contentBlocks takes a string, null, or a list of parts. Blank texts are left out,
// since Bedrock refuses them.
func contentBlocks(content json.RawMessage) ([]block, error) {
	if len(content) == 0 || string(content) == "null" {
		return nil, nil
	}
	var text string
	if json.Unmarshal(content, &text) == nil {
		return textBlocks(text), nil
	}
	var parts []part
	if err := json.Unmarshal(content, &parts); err != nil {
		return nil, invalid("messages.content", "it is no text and no list of parts")
	}
	var blocks []block
	for i := range parts {
		more, err := parts[i].blocks()
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, more...)
		if point := parts[i].Cache.point(); point != nil {
			blocks = append(blocks, block{CachePoint: point})
		}
	}
	return blocks, nil
}

func textBlocks(text string) []block {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return []block{{Text: text}}
}

func (p *part) blocks() ([]block, error) {
	switch p.Type {
	case "text", "refusal":
		return textBlocks(p.Text), nil
	case "image_url":
		picture, err := newImage(p.ImageURL.URL)
		return []block{{Image: picture}}, err
	}
	return nil, openai.Unsupported("messages.content", "only texts and images are taken")
}

// earlierCalls puts the tool calls of an earlier answer into Bedrock's words.
func earlierCalls(raw json.RawMessage) ([]block, error) {
	var calls []struct {
		ID       string `json:"id"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	}
	if len(raw) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &calls); err != nil {
		return nil, invalid("messages.tool_calls", "they have not OpenAI's form")
	}
	var blocks []block
	for _, call := range calls {
		input := json.RawMessage(call.Function.Arguments)
		if strings.TrimSpace(call.Function.Arguments) == "" {
			input = json.RawMessage("{}")
		}
		if !json.Valid(input) {
			return nil, invalid("messages.tool_calls", "the arguments of a call are no JSON")
		}
		blocks = append(blocks, block{ToolUse: &toolUse{call.ID, call.Function.Name, input}})
	}
	return blocks, nil
}
