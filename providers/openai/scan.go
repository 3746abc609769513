package openai

import (
	"bytes"
	"encoding/json"
	"iter"
)

// The functions here walk over JSON without decoding it: a chunk of a stream
// is looked at for a few members and otherwise passed on as it came. They
// allocate nothing, and stop early where the bytes are no JSON.

// fields yields the members of an object: each key without its quotes, each
// value as its raw bytes.
func fields(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		at := space(object, 0)
		if at == len(object) || object[at] != '{' {
			return
		}
		at = space(object, at+1)
		for at < len(object) && object[at] == '"' {
			colon := space(object, skip(object, at))
			if colon == len(object) || object[colon] != ':' {
				return
			}
			key := object[at+1 : bytes.LastIndexByte(object[:colon], '"')]
			start := space(object, colon+1)
			end := skip(object, start)
			if end == start || !yield(key, object[start:end]) {
				return
			}
			at = comma(object, end)
		}
	}
}

// items yields the elements of an array as their raw bytes.
func items(array []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		at := space(array, 0)
		if at == len(array) || array[at] != '[' {
			return
		}
		at = space(array, at+1)
		for at < len(array) && array[at] != ']' {
			end := skip(array, at)
			if end == at || !yield(array[at:end]) {
				return
			}
			at = comma(array, end)
		}
	}
}

func space(data []byte, at int) int {
	for at < len(data) && (data[at] == ' ' || data[at] == '\t' || data[at] == '\n' || data[at] == '\r') {
		at++
	}
	return at
}

func comma(data []byte, at int) int {
	at = space(data, at)
	if at < len(data) && data[at] == ',' {
		return space(data, at+1)
	}
	return at
}

// skip returns where the value that starts at ends, or at itself for none.
func skip(data []byte, at int) int {
	if at >= len(data) {
		return at
	}
	switch data[at] {
	case '"':
		return skipString(data, at)
	case '{', '[':
		return skipNested(data, at)
	}
	for at < len(data) && data[at] != ',' && data[at] != '}' && data[at] != ']' && data[at] > ' ' {
		at++
	}
	return at
}

func skipNested(data []byte, at int) int {
	depth := 0
	for at < len(data) {
		switch data[at] {
		case '"':
			at = skipString(data, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		at++
		if depth == 0 {
			break
		}
	}
	return at
}

func skipString(data []byte, at int) int {
	for at++; at < len(data); at++ {
		quote := bytes.IndexByte(data[at:], '"')
		if quote < 0 {
			return len(data)
		}
		at += quote
		slashes := 0
		for data[at-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at + 1
		}
	}
	return len(data)
}

// present tells a value from an absent one and from null.
func present(value []byte) bool {
	return len(value) > 0 && string(value) != "null"
}

// hasText tells whether the value is a string that is not empty.
func hasText(value []byte) bool { return len(value) > 2 && value[0] == '"' }

// appendText appends the text of a JSON string, and nothing for another value.
func appendText(text, value []byte) []byte {
	if !hasText(value) {
		return text
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return append(text, value[1:len(value)-1]...)
	}
	var decoded string
	if json.Unmarshal(value, &decoded) != nil {
		return text
	}
	return append(text, decoded...)
}

// inOurWords returns the completion or chunk with the vendor's own reasons for
// an end replaced by OpenAI's. Without such a reason it returns data itself.
func inOurWords(data []byte) []byte {
	for key, choices := range fields(data) {
		if string(key) != "choices" {
			continue
		}
		for choice := range items(choices) {
			for key, word := range fields(choice) {
				if string(key) != "finish_reason" || !hasText(word) {
					continue
				}
				theirs := string(word[1 : len(word)-1])
				if ours := finish(theirs); ours != theirs {
					return inOurWords(replace(data, word, ours))
				}
			}
		}
	}
	return data
}

// replace returns data with the string that stands at part, a slice of it,
// replaced.
func replace(data, part []byte, by string) []byte {
	start := cap(data) - cap(part)
	changed := make([]byte, 0, len(data)+len(by))
	changed = append(changed, data[:start+1]...)
	changed = append(changed, by...)
	return append(changed, data[start+len(part)-1:]...)
}
