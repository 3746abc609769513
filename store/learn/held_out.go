package learn

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
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
func HeldOut(secret string, e Experience) bool { return heldOut(secret, e, spokenOf(e.Prompt)) }

// heldOut is HeldOut of an experience whose prompt was read.
func heldOut(secret string, e Experience, said []spoken) bool {
	seed, tells := firstQuestion(said)
	if !tells {
		seed += "\n" + cmp.Or(e.External, e.Thread)
	}
	sum := hmac.New(sha256.New, []byte(secret))
	sum.Write([]byte(seed))     // never fails
	return sum.Sum(nil)[0] < 51 // of 256
}

// firstQuestion returns the first question that tells a conversation from others, or else all
// questions; it tells which.
func firstQuestion(said []spoken) (text string, tells bool) {
	var all []string
	for _, m := range said {
		if m.role != "user" {
			continue
		}
		if m.tells() {
			return m.text, true
		}
		all = append(all, m.text)
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

// ThreadID is the id of the conversation that an experience without a client's id belongs to, "" where nothing in it
// tells. Clients send what was said before with each turn, so that the turns of a conversation share their beginning:
// what was said up to the answer to the first question that tells it from others. "Hello" and its answer begin many.
// The id differs by tenant and by who asked.
func ThreadID(e Experience) string { return threadID(e, spokenOf(e.Prompt)) }

// threadID is ThreadID of an experience whose prompt was read.
func threadID(e Experience, said []spoken) string {
	beginning := strconv.AppendQuote(nil, e.Tenant)
	beginning = append(strconv.AppendQuote(append(beginning, ' '), UserOf(e.Metadata)), '\n')
	told := false
	for _, m := range append(said, spokenOf(json.RawMessage("["+string(e.Answer)+"]"))...) {
		beginning = append(append(beginning, m.role...), ' ')
		beginning = append(strconv.AppendQuote(beginning, m.text), '\n')
		if told && m.role == "assistant" {
			sum := sha256.Sum256(beginning)
			return "conv_" + hex.EncodeToString(sum[:16])
		}
		told = told || m.tells()
	}
	return ""
}

// spoken is what was said in a message, without case and white space.
type spoken struct{ role, text string }

// tells is whether it is a question that tells a conversation from others.
func (m spoken) tells() bool {
	return m.role == "user" && utf8.RuneCountInString(m.text) >= tellingQuestion
}

// spokenOf returns what user and assistant said; of an answer that only calls tools, the ids of the calls.
func spokenOf(messages json.RawMessage) (said []spoken) {
	var list []struct {
		Role      string          `json:"role"`
		Content   json.RawMessage `json:"content"`
		ToolCalls []struct {
			ID string `json:"id"`
		} `json:"tool_calls"`
	}
	if json.Unmarshal(messages, &list) != nil {
		return nil
	}
	for _, m := range list {
		if m.Role != "user" && m.Role != "assistant" {
			continue
		}
		text := contentText(m.Content)
		for _, call := range m.ToolCalls {
			text += " " + call.ID
		}
		said = append(said, spoken{m.Role, strings.Join(strings.Fields(strings.ToLower(text)), " ")})
	}
	return said
}

// UserOf is who asked, as the client's metadata say; "" where they do not.
func UserOf(metadata json.RawMessage) string {
	if len(metadata) == 0 {
		return ""
	}
	var m struct {
		User   any `json:"user"`
		UserID any `json:"user_id"`
	}
	if json.Unmarshal(metadata, &m) != nil {
		return ""
	}
	for _, value := range []any{m.User, m.UserID} {
		if value != nil {
			return fmt.Sprint(value)
		}
	}
	return ""
}
