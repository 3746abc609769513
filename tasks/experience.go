package tasks

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
)

// ImportInput is the input of experience.import: an object in the bucket that
// holds one conversation a line.
type ImportInput struct {
	Object string `json:"object"`
	Lines  int64  `json:"lines"`
}

// ImportResult is what came of it.
type ImportResult struct {
	Accepted   int64 `json:"accepted"`
	Duplicates int64 `json:"duplicates"`
	// Merged counts the duplicates whose feedback or reference was new, and is kept
	// with what was known.
	Merged   int64      `json:"merged,omitempty"`
	Rejected []Rejected `json:"rejected"`
	// More counts the rejected lines beyond the hundred that are listed.
	More int64 `json:"more_rejected,omitempty"`
	// Dropped counts members of lines and messages that say nothing to an import.
	Dropped int64 `json:"dropped_fields,omitempty"`
	// DroppedTurns counts the oldest turns of conversations whose turns are too long
	// together.
	DroppedTurns int64 `json:"dropped_turns,omitempty"`
}

// Rejected is a line, or an item of an array, that was not taken.
type Rejected struct {
	Line   int64  `json:"line"` // counted from 1
	Reason string `json:"reason"`
}

// ConversationLine is one line of an import, and the JSON body of
// POST /v1/experiences. Every turn of the assistant is an experience (see Turns); a
// judgement is of the last.
type ConversationLine struct {
	Messages       []Message       `json:"messages"`
	ConversationID string          `json:"conversation_id,omitempty"`
	Reference      string          `json:"reference,omitempty"`
	Feedback       *Feedback       `json:"feedback,omitempty"`
	Metadata       json.RawMessage `json:"metadata,omitempty"`
	// Origin is "memory", "cache" or "dream" where the answer was one of ours, which
	// nothing is to be trained on; rows of GET /v1/experiences say so.
	Origin string `json:"origin,omitempty"`
	Finish string `json:"finish_reason,omitempty"`
	// Alias is the alias that a row of GET /v1/experiences was answered for.
	Alias string `json:"alias,omitempty"`
	// Dropped counts the members that say nothing to an import, as times and ids.
	Dropped int64 `json:"-"`
	single  bool  // the last answer alone is the row's
}

// Message is one turn of a conversation, in OpenAI's shape.
type Message struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content,omitempty"`
	Name       string          `json:"name,omitempty"`
	ToolCalls  json.RawMessage `json:"tool_calls,omitempty"`
	ToolCallID string          `json:"tool_call_id,omitempty"`
	// Extra holds the members that OpenAI does not have, as reasoning_details. They
	// go to vendors that take them, and into nothing that is kept.
	Extra map[string]json.RawMessage `json:"-"`
}

// Feedback is a judgement on an answer.
type Feedback struct {
	Rating     *int   `json:"rating,omitempty"` // -1, 0 or 1
	Comment    string `json:"comment,omitempty"`
	Correction string `json:"correction,omitempty"`
}

// MaxLine is the longest line of an import, in bytes.
const MaxLine = 4 << 20

// Bounds of what stands beside the messages, in bytes.
const (
	maxID       = 256
	maxText     = 1 << 20
	maxMetadata = 16 << 10
)

// ParseConversation reads and checks one conversation. Turns after the last
// answer are refused: nothing is learned from a question without one. Members that
// say nothing here are dropped and counted, since files that other programs wrote
// hold times and ids. Rows of other forms are taken (see forms), without the turns
// behind the last answer; a row of a form that is known, and not taken, is refused
// by that form's name. Its error is an [*InputError].
func ParseConversation(line []byte) (*ConversationLine, error) {
	if len(line) > MaxLine {
		return nil, invalid("", "longer than %d bytes: split the conversation", MaxLine)
	}
	members, fault := object("", line)
	if fault != nil {
		return nil, fault
	}
	taken, fault := takeForm(members)
	if fault != nil {
		return nil, fault
	}
	if isZero(members["weight"]) {
		return nil, invalid("weight", "it is 0: the row is not to be learned from")
	}
	ours := string(members["object"]) == `"experience"` // each answer of it is a row
	c := &ConversationLine{single: ours || taken.single}
	if ours {
		c.Alias = takeAlias(members)
	}
	c.Dropped = dropUnknown(members, conversationMembers...)
	if fault := c.read(members); fault != nil {
		return nil, fault
	}
	if taken.members != nil {
		c.Messages = untilAnswer(c.Messages)
	}
	for _, m := range c.Messages {
		c.Dropped += int64(len(m.Extra))
	}
	if fault := c.checkMessages(); fault != nil {
		return nil, fault
	}
	return c, nil
}

// conversationMembers are what an import reads. A row of GET /v1/experiences names
// its conversation under "conversation" where the client gave it no id.
var conversationMembers = []string{
	"messages", "conversation_id", "conversation", "reference", "feedback", "metadata", "origin", "finish_reason",
}

// What is kept of the two last. Others write of where their rows came from, too.
var (
	keptOrigins  = []string{learn.OriginMemory, learn.OriginCache, learn.OriginDream}
	keptFinishes = []string{"stop", "length", "content_filter", "tool_calls", "function_call"}
)

// dropUnknown removes the members that are not known, and counts them.
func dropUnknown(members map[string]json.RawMessage, known ...string) (dropped int64) {
	for name := range members {
		if !slices.Contains(known, name) {
			delete(members, name)
			dropped++
		}
	}
	return dropped
}

// takeAlias takes the alias out of a row's members. A name that no alias can have stays,
// to be dropped.
func takeAlias(members map[string]json.RawMessage) (alias string) {
	if json.Unmarshal(members["alias"], &alias) != nil || !learn.ValidAlias(alias) {
		return ""
	}
	delete(members, "alias")
	return alias
}

// keepWord reads a member that is one of the words, and drops another one.
func (c *ConversationLine) keepWord(raw json.RawMessage, words []string) (word string) {
	if len(raw) == 0 {
		return ""
	}
	if json.Unmarshal(raw, &word) != nil || !slices.Contains(words, word) {
		c.Dropped++
		return ""
	}
	return word
}

func (c *ConversationLine) read(members map[string]json.RawMessage) (fault *InputError) {
	c.Origin = c.keepWord(members["origin"], keptOrigins)
	c.Finish = c.keepWord(members["finish_reason"], keptFinishes)
	if c.Messages, fault = parseMessages("messages", toolsForFunctions(orNull(members["messages"]))); fault != nil {
		return fault
	}
	if c.ConversationID, fault = conversationID(members); fault != nil {
		return fault
	}
	if c.Reference, fault = boundedText("reference", members["reference"], maxText); fault != nil {
		return fault
	}
	if raw, ok := members["feedback"]; ok {
		feedback, fault := object("feedback", raw)
		if fault != nil {
			return fault
		}
		c.Dropped += dropUnknown(feedback, feedbackMembers...)
		if c.Feedback, fault = readFeedback("feedback", feedback); fault != nil {
			return fault
		}
	}
	if raw, ok := members["metadata"]; ok {
		if _, fault := object("metadata", raw); fault != nil {
			return fault
		}
		if len(raw) > maxMetadata {
			return invalid("metadata", "longer than %d bytes: shorten it", maxMetadata)
		}
		c.Metadata = raw
	}
	return nil
}

func conversationID(members map[string]json.RawMessage) (string, *InputError) {
	name := "conversation_id"
	if _, ok := members[name]; !ok {
		name = "conversation"
	}
	id, fault := boundedText(name, members[name], maxID)
	if fault != nil {
		return "", fault
	}
	return id, CheckConversation(name, id)
}

func (c *ConversationLine) checkMessages() *InputError {
	n := len(c.Messages)
	switch {
	case n == 0:
		return invalid("messages", "at least a question and its answer are needed")
	case c.Messages[n-1].Role != "assistant":
		return invalid("messages", "the last message must be the assistant's answer")
	case n == 1:
		return invalid("messages", "a question must stand before the answer")
	case len(c.answers()) == 0:
		return invalid("messages", "there is no answer to learn from: one follows a question, and its weight is not 0")
	}
	return nil
}

// ParseFeedback reads and checks the body of POST /v1/experiences/{id}/feedback.
// Its error is an [*InputError].
func ParseFeedback(body []byte) (*Feedback, error) {
	members, fault := object("", body)
	if fault == nil {
		fault = onlyKnown("", members, feedbackMembers...)
	}
	if fault != nil {
		return nil, fault
	}
	feedback, fault := readFeedback("", members)
	if fault != nil {
		return nil, fault
	}
	return feedback, nil
}

var feedbackMembers = []string{"rating", "comment", "correction"}

func readFeedback(param string, members map[string]json.RawMessage) (*Feedback, *InputError) {
	f := &Feedback{}
	if raw, ok := members["rating"]; ok {
		rating, fault := within(join(param, "rating"), raw, -1, 1)
		if fault != nil {
			return nil, fault
		}
		f.Rating = &rating
	}
	var fault *InputError
	if f.Comment, fault = boundedText(join(param, "comment"), members["comment"], maxText); fault != nil {
		return nil, fault
	}
	f.Correction, fault = boundedText(join(param, "correction"), members["correction"], maxText)
	return f, fault
}

// boundedText reads a text that a database keeps as it is.
func boundedText(param string, raw json.RawMessage, maxBytes int) (string, *InputError) {
	if len(raw) == 0 {
		return "", nil
	}
	value, fault := typed[string](param, raw)
	switch {
	case fault != nil:
		return "", fault
	case len(value) > maxBytes:
		return "", invalid(param, "longer than %d bytes: shorten it", maxBytes)
	case strings.IndexByte(value, 0) >= 0:
		return "", invalid(param, "holds a NUL character: remove it")
	}
	return value, nil
}

// CheckConversation refuses ids of conversations that can not be kept, told
// under the parameter's name.
func CheckConversation(param, id string) *InputError {
	strange := func(r rune) bool { return r < ' ' || r == utf8.RuneError }
	if len(id) > maxID || strings.ContainsFunc(id, strange) {
		return invalid(param, "an id has at most %d bytes and no control characters", maxID)
	}
	return nil
}

// PromptText writes messages as an experience keeps them.
func PromptText(messages []Message) json.RawMessage { return plainjson.Of(messages) }
