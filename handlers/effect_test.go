package handlers

import (
	"bytes"
	"testing"

	"dreamlab/providers"
	"dreamlab/store/book"
)

// TestAnswerIsStoredOnce leaves out the message that the body has, and finds it again.
func TestAnswerIsStoredOnce(t *testing.T) {
	t.Parallel()
	const message = `{"role":"assistant","content":"It is twelve.","reasoning":"6+6"}`
	for name, reply := range map[string]providers.Reply{
		"whole":        {Body: []byte(`{"choices":[{"index":0,"message":` + message + `}]}`), Message: []byte(message)},
		"no body":      {Message: []byte(message)},
		"another body": {Body: []byte(`{"choices":[{"message":{"content":"13"}}]}`), Message: []byte(message)},
		"no choices":   {Body: []byte(`{"choices":[]}`), Message: []byte(message)},
		"no message":   {Body: []byte(`{"choices":[]}`)},
	} {
		reply.Content = textOf(reply.Message)
		stored := encodeAnswer(&Answered{Reply: &reply})
		if n := bytes.Count(stored, []byte("twelve")); name == "whole" && n != 1 {
			t.Errorf("%s: stored %d times in %s", name, n, stored)
		}
		again, err := reuse(book.Effect{Response: stored, RequestHash: "h"}, "h")
		if err != nil || again.Reply.Content != reply.Content || !bytes.Equal(again.Reply.Message, reply.Message) || !bytes.Equal(again.Reply.Body, reply.Body) {
			t.Errorf("%s: read back as %+v, %v", name, again, err)
		}
	}
}
