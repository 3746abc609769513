package completion

// Said returns the text of a chunk's first choice, and whether it holds a call or a
// refusal.
func Said(chunk []byte) (text string, calls bool) {
	for key, choices := range Members(chunk) {
		if string(key) != "choices" {
			continue
		}
		for item := range Items(choices) {
			p := partsOf(partOf(item, 0, nil).delta)
			return string(AppendText(nil, p.content)), p.hasCalls() || HasText(p.refusal)
		}
	}
	return "", false
}

// Calls tells whether a message calls a tool.
func Calls(message []byte) bool { return partsOf(message).hasCalls() }

// Rejoin returns the message of an answer whose second part came from elsewhere: what
// the first part holds beside the second, and all of the text.
func Rejoin(first, second []byte, text string) []byte {
	message := Set(second, "content", Quoted(text))
	has := decoded(message)
	for key, value := range Members(first) {
		if _, there := has[string(key)]; !there && Present(value) {
			message = With(message, string(key), value)
		}
	}
	return message
}

// WithMessage returns a chat.completion with another message in its first choice.
func WithMessage(body, message []byte) []byte {
	for key, choices := range Members(body) {
		if string(key) != "choices" {
			continue
		}
		for choice := range Items(choices) {
			return replace(body, choice, Set(choice, "message", message))
		}
	}
	return body
}
