package tasks

import "encoding/json"

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
