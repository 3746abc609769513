package trial

import (
	"encoding/json"
	"strings"

	"dreamlab/handlers/judge"
	"dreamlab/store/canary"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// outcome tells which signals a conversation had. One in which no model was asked, or whose client
// went away, does not count.
func outcome(chats []canary.Chat, plan canary.Plan) (bad [canary.Signals]bool, counts bool) {
	for _, chat := range chats {
		if chat.Tried == 0 || chat.State != job.StateSucceeded && chat.State != job.StateFailed {
			continue
		}
		counts = true
		if !chat.Answered || chat.State == job.StateFailed {
			bad[canary.Failed] = true
			continue // what stands there, another model said
		}
		refused, malformed := said(chat)
		for s, is := range [canary.Signals]bool{
			canary.Disliked: chat.Rating < 0 || chat.Objected, canary.Slow: chat.Took > plan.Slow,
			canary.Refused: refused, canary.Malformed: malformed,
		} {
			bad[s] = bad[s] || is
		}
	}
	return bad, counts
}

// said tells what is wrong with an answer. Of one that was not kept nothing is known.
func said(chat canary.Chat) (refused, malformed bool) {
	var message struct {
		Content any    `json:"content"`
		Refusal string `json:"refusal"`
		Calls   []any  `json:"tool_calls"`
	}
	if len(chat.Answer) == 0 || json.Unmarshal(chat.Answer, &message) != nil {
		return false, false
	}
	text, _ := message.Content.(string)
	refused = message.Refusal != "" || chat.Finish == "content_filter" || judge.Refusal(text)
	malformed = chat.Finish == "length" || len(message.Calls) == 0 && !refused && wantsJSON(chat.Input) && !isObject(text)
	return refused, malformed
}

// wantsJSON tells whether a chat asked for JSON.
func wantsJSON(input json.RawMessage) bool {
	var in tasks.ChatInput
	if json.Unmarshal(input, &in) != nil {
		return false // it was cleared
	}
	var request struct {
		Format struct{ Type string } `json:"response_format"`
	}
	return json.Unmarshal(in.Request, &request) == nil && strings.HasPrefix(request.Format.Type, "json")
}

func isObject(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") && json.Valid([]byte(text))
}
