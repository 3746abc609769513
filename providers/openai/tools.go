package openai

import "encoding/json"

// maxToolCalls bounds the calls that one answer may make.
const maxToolCalls = 256

// toolCalls are the tool calls of an answer, put together from their pieces
// (https://platform.openai.com/docs/api-reference/chat-streaming).
type toolCalls []toolCall

type toolCall struct {
	Index    *int   `json:"index,omitempty"` // in pieces only
	ID       string `json:"id,omitempty"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// merge adds the pieces of one chunk. A piece without an index is a whole call.
func (t *toolCalls) merge(data []byte, first bool) {
	var pieces []toolCall
	if !first || json.Unmarshal(data, &pieces) != nil {
		return
	}
	for _, piece := range pieces {
		at := len(*t)
		if piece.Index != nil {
			at = *piece.Index
		}
		if at < 0 || at >= maxToolCalls {
			continue
		}
		for len(*t) <= at {
			*t = append(*t, toolCall{Type: "function"})
		}
		(*t)[at].add(piece)
	}
}

func (c *toolCall) add(piece toolCall) {
	if piece.ID != "" {
		c.ID = piece.ID
	}
	if piece.Type != "" {
		c.Type = piece.Type
	}
	c.Function.Name += piece.Function.Name
	c.Function.Arguments += piece.Function.Arguments
}
