package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// kept is an answer as an effect holds it.
type kept struct {
	Body      json.RawMessage  `json:"body,omitempty"`
	Content   string           `json:"content"`
	Message   json.RawMessage  `json:"message,omitempty"`
	Refusal   string           `json:"refusal,omitempty"`
	Finish    string           `json:"finish"`
	Usage     providers.Usage  `json:"usage"`
	Model     string           `json:"model"`
	RequestID string           `json:"request_id,omitempty"`
	Sandbox   bool             `json:"sandbox,omitempty"`
	Target    providers.Target `json:"target"`
	Nano      int64            `json:"nano"`
	Tries     int              `json:"tries"`
}

func encodeAnswer(a *Answered) json.RawMessage {
	r := a.Reply
	return plainjson.Of(kept{
		Body: valid(r.Body), Content: r.Content, Message: valid(r.Message), Refusal: r.Refusal, Finish: r.Finish,
		Usage: r.Usage, Model: r.Model, RequestID: r.RequestID, Sandbox: r.Sandbox,
		Target: a.Target, Nano: a.Nano, Tries: a.Tries,
	}) // drivers hand over JSON that they have read
}

// valid takes out bytes that are not UTF-8: no database keeps them.
func valid(raw []byte) json.RawMessage {
	return json.RawMessage(strings.ToValidUTF8(string(raw), "\uFFFD"))
}

func reuse(effect store.Effect, hash string) (*Answered, error) {
	if effect.RequestHash != hash {
		return nil, tasks.Fail("internal", "another request under the same step %q: start a new job", effect.Step)
	}
	var k kept
	if err := json.Unmarshal(effect.Response, &k); err != nil {
		return nil, tasks.Fail("internal", "the stored answer of step %q can not be read: %v", effect.Step, err)
	}
	reply := &providers.Reply{
		Body: k.Body, Content: k.Content, Message: k.Message, Refusal: k.Refusal, Finish: k.Finish,
		Usage: k.Usage, Model: k.Model, RequestID: k.RequestID, Sandbox: k.Sandbox,
	}
	return &Answered{
		Reply: reply, Target: k.Target, Nano: k.Nano, Tries: k.Tries, Sandbox: k.Sandbox, Reused: true,
	}, nil
}

// requestHash tells one question from another. Who is asked does not belong to
// it: a route may change between two attempts.
func requestHash(step *Step) string {
	request := step.Request
	request.Model = ""
	sum := sha256.Sum256(append([]byte(step.Purpose+"\n"), plainjson.Of(request)...))
	return hex.EncodeToString(sum[:])
}
