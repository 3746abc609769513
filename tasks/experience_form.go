package tasks

import (
	"encoding/json"

	"dreamlab/store/plainjson"
)

// form is a shape of rows that files of conversations have, told by its members.
type form struct {
	members []string
	// take writes the row's conversation under "messages". It is nil where the form
	// is known and not taken; refusal then says what to do.
	take    func(row map[string]json.RawMessage) *InputError
	refusal string
	single  bool // the last answer alone is the row's: those before have rows of their own
}

// forms are the shapes of rows without "messages", as their makers document them.
// The first that fits counts.
var forms = []form{
	{members: []string{"mapping"}, take: takeChatGPT},
	{members: []string{"conversations"}, take: takeShareGPT},
	{members: []string{"conversation_a", "conversation_b"}, take: takeBattle},
	{members: []string{"instruction", "output"}, take: takeInstruction},
	{members: []string{"request", "response"}, take: takeExchange, single: true},
	{members: []string{"prompt", "completion"}, take: takeCompletion},
	{members: []string{"chat_messages"}, refusal: `this is Claude's export: ` +
		`write "chat_messages" as "messages" with role and content`},
	{members: []string{"chosen", "rejected"}, refusal: `this is a pair of preferences: ` +
		`write the chosen answer as "messages"`},
	{members: []string{"input", "preferred_output", "non_preferred_output"}, take: takePreference, single: true},
	{members: []string{"custom_id", "body"}, refusal: `this is a batch's input, which holds no answers: ` +
		`send it to POST /v1/batches, or import its output's conversations`},
	{members: []string{"question", "answer"}, refusal: "these are a question and its answer: " +
		"`dreamlab import` turns them into a conversation"},
	{members: []string{"turns"}, refusal: "these are turns to ask: `dreamlab import` asks them, from a file of their own"},
	{members: []string{"conversation"}, take: takeArena},
}

// takeForm gives a row of another form its "messages", and returns that form: the
// zero form for a row that has them already or is of none.
func takeForm(row map[string]json.RawMessage) (form, *InputError) {
	if _, ok := row["messages"]; ok {
		return form{}, nil
	}
	for _, f := range forms {
		switch {
		case !f.fits(row):
			continue
		case f.take == nil:
			return form{}, invalid("", "%s", f.refusal)
		}
		fault := f.take(row)
		for _, name := range f.members {
			delete(row, name)
		}
		return f, fault
	}
	return form{}, nil
}

func (f form) fits(row map[string]json.RawMessage) bool {
	for _, name := range f.members {
		if _, ok := row[name]; !ok {
			return false
		}
	}
	return true
}

// turn is a message of a row of another form.
type turn struct {
	Role    string          `json:"role"`
	Content string          `json:"content"`
	Call    json.RawMessage `json:"function_call,omitempty"`
}

func setTurns(row map[string]json.RawMessage, turns []turn) { row["messages"] = plainjson.Of(turns) }

// texts reads members that are texts and need not be there.
func texts(row map[string]json.RawMessage, into map[string]*string) *InputError {
	for name, value := range into {
		raw, ok := row[name]
		if !ok {
			continue
		}
		var fault *InputError
		if *value, fault = typed[string](name, raw); fault != nil {
			return fault
		}
		delete(row, name)
	}
	return nil
}

// untilAnswer cuts what stands behind the last answer: in what other programs write,
// a question may have got none.
func untilAnswer(messages []Message) []Message {
	for n := len(messages); n > 0; n-- {
		if messages[n-1].Role == "assistant" {
			return messages[:n]
		}
	}
	return nil
}

// takeArena reads a row of LMSYS-Chat-1M or WildChat: messages under "conversation",
// beside the model, the language and flags.
func takeArena(row map[string]json.RawMessage) *InputError {
	row["messages"] = row["conversation"]
	if _, ok := row["conversation_id"]; !ok && len(row["conversation_hash"]) > 0 {
		row["conversation_id"] = row["conversation_hash"]
	}
	delete(row, "conversation_hash")
	return nil
}

// takeBattle reads two conversations of which one won
// (https://huggingface.co/datasets/lmsys/chatbot_arena_conversations).
func takeBattle(row map[string]json.RawMessage) *InputError {
	winner, fault := typed[string]("winner", orNull(row["winner"]))
	if fault != nil {
		return fault
	}
	switch winner {
	case "model_a":
		row["messages"] = row["conversation_a"]
	case "model_b":
		row["messages"] = row["conversation_b"]
	default:
		return invalid("winner", "this is a battle of LMArena that neither model_a nor model_b has won: "+
			`write the conversation to learn from as "messages"`)
	}
	delete(row, "winner")
	return nil
}
