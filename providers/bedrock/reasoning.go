package bedrock

import (
	"encoding/json"
)

// reasoning is what a model thought before it answered
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ReasoningContentBlock.html).
type reasoning struct {
	Text     *reasoningText `json:"reasoningText,omitempty"`
	Redacted []byte         `json:"redactedContent,omitempty"`
}

// reasoningText is signed by models that want it back unchanged.
type reasoningText struct {
	Text      string `json:"text"`
	Signature string `json:"signature,omitempty"`
}

// detail is a piece of reasoning as clients keep it and hand it back, in the form
// that OpenRouter gave to it
// (https://openrouter.ai/docs/use-cases/reasoning-tokens).
type detail struct {
	Type      string `json:"type"` // reasoning.text or reasoning.encrypted
	Text      string `json:"text,omitempty"`
	Signature string `json:"signature,omitempty"`
	Data      []byte `json:"data,omitempty"`
	Index     int    `json:"index"`
}

const (
	detailText      = "reasoning.text"
	detailEncrypted = "reasoning.encrypted"
)

// details returns a block's reasoning in the form that clients keep.
func (r *reasoning) details(index int) []detail {
	var list []detail
	if r.Text != nil {
		list = append(list, detail{Type: detailText, Text: r.Text.Text, Signature: r.Text.Signature, Index: index})
	}
	if len(r.Redacted) > 0 {
		list = append(list, detail{Type: detailEncrypted, Data: r.Redacted, Index: index})
	}
	return list
}

// earlierReasoning returns the reasoning of an earlier answer that its model can
// check: what is signed or encrypted. Other reasoning is not taken back by the models
// that sign, and of no use to the others. Streamed pieces of one block are joined.
func earlierReasoning(raw json.RawMessage) []block {
	var kept []detail
	if json.Unmarshal(raw, &kept) != nil {
		return nil // it is another vendor's, whose form is its own
	}
	var joined []detail
	for _, d := range kept {
		last := len(joined) - 1
		if last >= 0 && d.Type == detailText && joined[last].Type == d.Type && joined[last].Index == d.Index {
			joined[last].Text += d.Text
			joined[last].Signature += d.Signature
			continue
		}
		joined = append(joined, d)
	}
	var blocks []block
	for _, d := range joined {
		switch {
		case d.Type == detailText && d.Signature != "":
			blocks = append(blocks, block{Reasoning: &reasoning{Text: &reasoningText{d.Text, d.Signature}}})
		case d.Type == detailEncrypted && len(d.Data) > 0:
			blocks = append(blocks, block{Reasoning: &reasoning{Redacted: d.Data}})
		}
	}
	return blocks
}
