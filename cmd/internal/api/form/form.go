// Package form takes chats in the other forms in which clients ask for them, and
// answers in the same form: OpenAI's older completions and its responses, and
// Anthropic's messages.
//
// A form turns a request into one of /v1/chat/completions and that one's reply into
// its own. It keeps nothing between requests: what a form has that a chat has not is
// refused by name.
package form

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/tasks"
)

// form is one way to ask for a chat.
type form struct {
	// ask reads a request and returns it as a chat's, with the reply that its answer
	// becomes.
	ask func(body []byte) (chat any, r reply, err error)
	// renamed gives parameters of a chat the names that they have here.
	renamed map[string]string
}

// reply turns one answer into its form.
type reply interface {
	// whole turns a whole completion.
	whole(completion []byte) (any, error)
	// chunk turns a chunk of a stream into events.
	chunk(out *events, chunk []byte) error
	// end closes the stream, after the last chunk.
	end(out *events) error
	// fail ends the stream in an error of OpenAI's shape.
	fail(out *events, fault []byte) error
	// beat keeps a silent stream open.
	beat(out *events)
}

// handler serves a form by the handler of chats.
func (f form) handler(chats wire.Handler) wire.Handler {
	return func(w http.ResponseWriter, c *wire.Call) error {
		body, err := wire.JSONBody(c)
		if err != nil {
			return err
		}
		chat, r, err := f.ask(body)
		if err != nil {
			return err
		}
		text, err := encode(chat)
		if err != nil {
			return err
		}
		c.Body, c.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		out := &writer{ResponseWriter: w, reply: r}
		if err := chats(out, c); err != nil {
			return f.rename(err)
		}
		return out.close()
	}
}

// Completions serves /v1/completions by the handler of chats.
func Completions(chats wire.Handler) wire.Handler { return completions.handler(chats) }

// Responses serves /v1/responses by the handler of chats.
func Responses(chats wire.Handler) wire.Handler { return responses.handler(chats) }

// Messages serves /v1/messages by the handler of chats.
func Messages(chats wire.Handler) wire.Handler { return messages.handler(chats) }

// rename has an error blame the parameter that the client sent.
func (f form) rename(err error) error {
	var blames *tasks.InputError
	if !errors.As(err, &blames) {
		return err
	}
	own := *blames
	own.Param = f.nameOf(blames.Param)
	return &own
}

func (f form) nameOf(param string) string {
	head, tail := param, ""
	if at := strings.IndexAny(param, ".["); at >= 0 {
		head, tail = param[:at], param[at:]
	}
	if own, renamed := f.renamed[head]; renamed {
		return own + tail
	}
	return param
}
