package completion

import (
	"encoding/json"
	"errors"
	"strconv"

	"dreamlab/store/plainjson"
)

// Cut is a whole answer as the chunks of a stream.
type Cut struct {
	Says    []byte // all that the choices say
	Ends    []byte // the reasons of their ends
	Counted []byte // the usage, without a choice; null where the answer has none
	Ours    []byte // the member that is not the vendor's, nil for none
}

// Chunks cuts a chat.completion into chunks. The member named ours, which is not
// the vendor's, is in none of them.
func Chunks(body []byte, ours string) (Cut, error) {
	object := decoded(body)
	choices := object["choices"]
	if len(choices) == 0 || choices[0] != '[' {
		return Cut{}, errors.New("cut an answer into chunks: it has no choices")
	}
	usage := object["usage"]
	mine := object[ours]
	delete(object, ours)
	delete(object, "usage")
	object["object"] = Quoted("chat.completion.chunk")
	says, ends := []json.RawMessage{}, []json.RawMessage{}
	for raw := range Items(choices) {
		choice := decoded(raw)
		index := choice["index"]
		if len(index) == 0 {
			index = []byte(strconv.Itoa(len(says)))
		}
		end := choice["finish_reason"]
		if len(end) == 0 {
			end = []byte("null")
		}
		choice["index"], choice["delta"], choice["finish_reason"] = index, Delta(choice["message"]), []byte("null")
		delete(choice, "message")
		says = append(says, plainjson.Of(choice))
		ends = append(ends, plainjson.Of(map[string]json.RawMessage{
			"index": index, "delta": []byte("{}"), "finish_reason": end,
		}))
	}
	cut := Cut{Says: withChoices(object, says), Ends: withChoices(object, ends), Ours: mine}
	if len(usage) == 0 {
		usage = []byte("null")
	}
	object["usage"] = usage
	cut.Counted = withChoices(object, []json.RawMessage{})
	return cut, nil
}

func withChoices(object map[string]json.RawMessage, choices []json.RawMessage) []byte {
	object["choices"] = plainjson.Of(choices)
	return plainjson.Of(object)
}

// Delta returns a message as a delta: its tool calls are numbered.
func Delta(message []byte) json.RawMessage {
	if !isObject(message) {
		return json.RawMessage("{}")
	}
	calls := partsOf(message).calls
	numbered := []json.RawMessage{}
	for raw := range Items(calls) {
		call := decoded(raw)
		call["index"] = []byte(strconv.Itoa(len(numbered)))
		numbered = append(numbered, plainjson.Of(call))
	}
	if len(numbered) == 0 {
		return message
	}
	return replace(message, calls, plainjson.Of(numbered))
}
