package openai

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"dreamlab/providers"
)

// FuzzStream feeds any bytes to the reader of streams: it ends with an answer
// or an *Error, and hands over nothing but JSON on one line.
func FuzzStream(f *testing.F) {
	for _, c := range streams {
		if len(c.text) < 4096 {
			f.Add([]byte(c.text))
		}
	}
	client := New(Dialect{Provider: "test", Base: "http://x", Extension: "x_groq"},
		providers.Config{HTTP: &http.Client{}})
	f.Fuzz(func(t *testing.T, data []byte) {
		response := &http.Response{StatusCode: 200, Header: http.Header{}}
		s := &stream{answer: &answer{Response: response, ctx: t.Context(), client: client},
			reply: &providers.Reply{}}
		err := s.run(newEvents(bufio.NewReader(bytes.NewReader(data)), 4096), func(chunk providers.Chunk) error {
			if !json.Valid(chunk.Data) || bytes.ContainsAny(chunk.Data, "\r\n") {
				t.Errorf("handed over %q", chunk.Data)
			}
			return nil
		})
		s.finish()
		var e *providers.Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("got %v, want an *Error", err)
		}
		if !json.Valid(s.reply.Message) {
			t.Errorf("message %s", s.reply.Message)
		}
	})
}

// FuzzFailure feeds any body to the reader of refusals.
func FuzzFailure(f *testing.F) {
	for _, c := range refusals {
		f.Add(c.status, c.body, "2m59.56s")
	}
	client := New(Dialect{Provider: "test", Base: "http://x", Key: "tgp_v1_verysecret"},
		providers.Config{HTTP: &http.Client{}})
	f.Fuzz(func(t *testing.T, status int, body, wait string) {
		header := http.Header{"Retry-After": {wait}, "X-Ratelimit-Reset-Tokens": {wait}}
		a := &answer{Response: &http.Response{StatusCode: status, Header: header}, ctx: t.Context(), client: client}
		e := client.classify(a, newFailure(status, header, []byte(body)))
		if e.Kind == "" || e.Charge == "" || len(e.Message) > providers.MaxMessage || e.RetryAfter < 0 ||
			e.RetryAfter > 24*time.Hour {
			t.Errorf("%+v", *e)
		}
	})
}
