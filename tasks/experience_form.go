package tasks

import "encoding/json"

// form is a shape of rows that files of conversations have, told by its members.
type form struct {
	members []string
	name    string // with what to do
}

// forms are the shapes that are known and not taken, as their makers document them.
// The first that fits is told.
var forms = []form{
	{[]string{"mapping"}, `this is ChatGPT's export (conversations.json), a tree of messages: ` +
		`write the branch that stands as "messages"`},
	{[]string{"chat_messages"}, `this is Claude's export: write "chat_messages" as "messages" with role and content`},
	{[]string{"conversations"}, `this is ShareGPT's form: write "conversations" as "messages", ` +
		`"from" and "value" as "role" and "content"`},
	{[]string{"conversation_a", "conversation_b"}, `this is a battle of LMArena: ` +
		`write the conversation that won as "messages"`},
	{[]string{"instruction", "output"}, `this is Alpaca's form: write "instruction" with "input", and "output", ` +
		`as a user's and an assistant's message in "messages"`},
	{[]string{"chosen", "rejected"}, `this is a pair of preferences: write the chosen answer as "messages"`},
	{[]string{"preferred_output", "non_preferred_output"}, `this is OpenAI's form for preferences: ` +
		`write the preferred answer as "messages"`},
	{[]string{"request", "response"}, `this is a log of requests: write the request's messages, ` +
		`and the answer as the last of them, as "messages"`},
	{[]string{"custom_id", "body"}, `this is a batch's input, which holds no answers: ` +
		`send it to POST /v1/batches, or import its output's conversations`},
	{[]string{"prompt", "completion"}, `this is a prompt with its completion: write them as a user's ` +
		`and an assistant's message in "messages"`},
	{[]string{"question", "answer"}, "these are a question and its answer: `dreamlab import` turns them into a conversation"},
	{[]string{"turns"}, "these are turns to ask: `dreamlab import` asks them, from a file of their own"},
}

// refuseForm tells what a row without messages is.
func refuseForm(members map[string]json.RawMessage) *InputError {
	if _, ok := members["messages"]; ok {
		return nil
	}
	for _, f := range forms {
		if f.fits(members) {
			return invalid("", "%s", f.name)
		}
	}
	return nil
}

func (f form) fits(members map[string]json.RawMessage) bool {
	for _, name := range f.members {
		if _, ok := members[name]; !ok {
			return false
		}
	}
	return true
}
