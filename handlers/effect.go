package handlers

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"unicode/utf8"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/book"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// kept is an answer as an effect holds it. Its message and text are left out where the
// body has the same, so that an answer is stored once.
type kept struct {
	Body      json.RawMessage  `json:"body,omitempty"`
	Content   string           `json:"content,omitempty"`
	Message   json.RawMessage  `json:"message,omitempty"`
	Refusal   string           `json:"refusal,omitempty"`
	Finish    string           `json:"finish"`
	Usage     providers.Usage  `json:"usage"`
	Model     string           `json:"model"`
	RequestID string           `json:"request_id,omitempty"`
	Sandbox   bool             `json:"sandbox,omitempty"`
	Target    providers.Target `json:"target"`
	Nano      int64            `json:"nano"`
	Live      int64            `json:"live_nano,omitempty"`
	Tries     int              `json:"tries"`
	Batched   bool             `json:"batched,omitempty"`
}

func encodeAnswer(a *Answered) json.RawMessage {
	r := a.Reply
	body, message, content := valid(r.Body), valid(r.Message), r.Content
	if bytes.Equal(completion.FirstMessage(body), message) && textOf(message) == content {
		message, content = nil, ""
	}
	return plainjson.Of(kept{
		Body: body, Content: content, Message: message, Refusal: r.Refusal, Finish: r.Finish,
		Usage: r.Usage, Model: r.Model, RequestID: r.RequestID, Sandbox: r.Sandbox,
		Target: a.Target, Nano: a.Nano, Live: a.Live, Tries: a.Tries, Batched: a.Batched,
	}) // drivers hand over JSON that they have read
}

// textOf returns a message's text, "" where it is no message.
func textOf(raw json.RawMessage) string {
	if content := completion.Member(raw, "content"); completion.HasText(content) {
		return string(completion.AppendText(nil, content))
	}
	var message providers.Message
	if json.Unmarshal(raw, &message) != nil {
		return ""
	}
	return message.Text()
}

// valid takes out bytes that are not UTF-8: no database keeps them.
func valid(raw []byte) json.RawMessage {
	if utf8.Valid(raw) {
		return raw
	}
	return bytes.ToValidUTF8(raw, []byte("\uFFFD"))
}

func reuse(effect book.Effect, hash string) (*Answered, error) {
	if effect.RequestHash != hash {
		return nil, tasks.Fail("internal", "another request under the same step %q: start a new job", effect.Step)
	}
	var k kept
	if err := json.Unmarshal(effect.Response, &k); err != nil {
		return nil, tasks.Fail("internal", "the stored answer of step %q can not be read: %v", effect.Step, err)
	}
	if len(k.Message) == 0 {
		k.Message = completion.FirstMessage(k.Body)
		k.Content = cmp.Or(k.Content, textOf(k.Message))
	}
	reply := &providers.Reply{
		Body: k.Body, Content: k.Content, Message: k.Message, Refusal: k.Refusal, Finish: k.Finish,
		Usage: k.Usage, Model: k.Model, RequestID: k.RequestID, Sandbox: k.Sandbox,
	}
	return &Answered{
		Reply: reply, Target: k.Target, Nano: k.Nano, Live: cmp.Or(k.Live, k.Nano), Tries: k.Tries, Batched: k.Batched,
		Sandbox: k.Sandbox, Reused: true,
	}, nil
}

// ReplyOf reads the answer that an effect holds.
func ReplyOf(effect book.Effect) (*providers.Reply, error) {
	answered, err := reuse(effect, effect.RequestHash)
	if err != nil {
		return nil, err
	}
	return answered.Reply, nil
}

// requestHash tells one question from another. The model does not belong to
// it: a route may change between two attempts.
func requestHash(step *Step) string {
	request := step.Request
	request.Model = ""
	asked := []any{request, request.Options, request.Vendor}
	sum := sha256.Sum256(append([]byte(step.Purpose+"\n"), plainjson.Of(asked)...))
	return hex.EncodeToString(sum[:])
}
