package completion

import (
	"errors"
)

// ErrNoMessage is the error of a choice whose message is null or no object.
var ErrNoMessage = errors.New("a choice holds no message")

// ErrFiltered is the error of a choice without a message that was filtered.
var ErrFiltered = errors.New("the answer was filtered")

// First is what is kept of the first choice of a whole answer.
type First struct {
	Message                  []byte
	Content, Refusal, Finish string
}

// Whole reads the choices of a chat.completion and returns them in OpenAI's
// form: the bytes that came, where nothing is odd. Members that are hidden are left out.
func Whole(choices []byte, hidden []string) ([]byte, First, error) {
	var first First
	mendedChoices, at := choices, 0
	for item := range Items(choices) {
		choice, message, finish, err := wholeChoice(item, at, hidden)
		if err != nil {
			return choices, first, err
		}
		if choice != nil {
			mendedChoices = substitute(mendedChoices, at, choice)
		}
		if at == 0 {
			says := partsOf(message)
			first = First{
				Message: message, Finish: finish,
				Content: string(AppendText(nil, says.content)), Refusal: string(AppendText(nil, says.refusal)),
			}
		}
		at++
	}
	return mendedChoices, first, nil
}

// wholeChoice reads one choice. The first result is nil where nothing is odd.
func wholeChoice(raw []byte, at int, hidden []string) (mended, message []byte, finish string, err error) {
	p := partOf(raw, at, hidden)
	if p.fault != nil {
		return nil, nil, "", &ChoiceError{Body: With([]byte("{}"), "error", p.fault)}
	}
	var c choice
	ending, err := c.end(p.ending)
	if err != nil {
		return nil, nil, "", err
	}
	came := p.message
	if !isObject(came) && isObject(p.delta) {
		came = p.delta
	}
	if !isObject(came) {
		if c.finish == "content_filter" {
			return nil, nil, "", ErrFiltered
		}
		return nil, nil, "", ErrNoMessage
	}
	message = wholeMessage(Without(came, hidden...))
	finish = c.finish
	if finish == "" { // all of it is here: only its reason was not told
		finish = "stop"
		if partsOf(message).hasCalls() {
			finish = "tool_calls"
		}
		ending = Quoted(finish)
	}
	if p.odd || !same(message, p.message) || !same(ending, p.ending) {
		mended = p.wholeMended(message, ending)
	}
	return mended, message, finish, nil
}

func (p *part) wholeMended(message, ending []byte) []byte {
	object := p.raw
	if p.delta != nil {
		object = Without(object, "delta")
	}
	return p.completed(object, "message", message, ending)
}

// wholeMessage returns a message in OpenAI's form, itself where it has it.
func wholeMessage(message []byte) []byte {
	says := partsOf(message)
	if says.odd() {
		message = mendMessage(message)
		says = partsOf(message)
	}
	if !HasText(says.role) {
		message = Set(message, "role", Quoted("assistant"))
		says = partsOf(message)
	}
	if calls := wholeCalls(says.calls); calls != nil {
		message = replace(message, says.calls, calls)
	}
	return message
}

// wholeCalls returns the calls of a message where one of them strays.
func wholeCalls(list []byte) []byte {
	var calls toolCalls
	odd := false
	for item := range Items(list) {
		p := parsePiece(item)
		odd = odd || p.odd || p.id == ""
		call := toolCall{extra: p.extra}
		call.add(p, true)
		calls = append(calls, call)
	}
	if !odd {
		return nil
	}
	return calls.encode()
}
