package learn

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// heldOutSecret names the secret that parts the conversations.
const heldOutSecret = "held_out"

// tellingQuestion is how many characters a question has that tells a conversation from others:
// many begin with "hello".
const tellingQuestion = 12

// HeldOut tells whether the conversation that begins with an experience is held out for
// evaluation: a fifth of all, by a keyed hash of the first question that tells it from others. So
// no client chooses, and the same conversation is on one side under any id. Where nothing in it
// tells, the client's id counts too, lest all that begin with "hello" are on one side.
func HeldOut(secret string, e Experience) bool {
	seed, tells := firstQuestion(e.Prompt)
	if !tells {
		seed += "\n" + e.External
	}
	sum := hmac.New(sha256.New, []byte(secret))
	sum.Write([]byte(seed))     // never fails
	return sum.Sum(nil)[0] < 51 // of 256
}

func (q *ExperienceQueries) heldOut(ctx context.Context, e Experience) (bool, error) {
	secret, err := q.Secret(ctx, heldOutSecret)
	return HeldOut(secret, e), err
}

// firstQuestion returns the first question that tells a conversation from others, without case
// and white space, or else all questions; it tells which.
func firstQuestion(prompt json.RawMessage) (text string, tells bool) {
	var messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(prompt, &messages) != nil {
		return string(prompt), false
	}
	var all []string
	for _, m := range messages {
		if m.Role != "user" {
			continue
		}
		question := strings.Join(strings.Fields(strings.ToLower(contentText(m.Content))), " ")
		if utf8.RuneCountInString(question) >= tellingQuestion {
			return question, true
		}
		all = append(all, question)
	}
	return strings.Join(all, "\n"), false
}

// contentText is the text of a message: it is a text, or a list of parts of which some have one.
func contentText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return string(raw)
	}
	for _, p := range parts {
		text += p.Text + "\n"
	}
	return text
}
