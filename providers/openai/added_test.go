package openai_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/providers/providertest"
)

const (
	addedBody  = `{"model":"m","messages":[{"role":"user","content":"hello"}],"stream":true,"stream_options":{"include_usage":true}}`
	addedHead  = `"id":"chatcmpl-0f1e2d3c","created":1763900000,"model":"m","system_fingerprint":"fp_44709d6fcb"`
	addedUsage = `"usage":{"prompt_tokens":7,"completion_tokens":256,"total_tokens":263}`
)

// addedStream is a stream of so many chunks.
func addedStream() string {
	chunk := func(rest string) string {
		return `data: {"object":"chat.completion.chunk",` + addedHead + rest + "}\n\n"
	}
	says := chunk(`,"choices":[{"index":0,"delta":{"content":" some words"},"logprobs":null,"finish_reason":null}]`)
	return strings.Repeat(says, providertest.Chunks) +
		chunk(`,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]`) + chunk(`,"choices":[],`+addedUsage) + "data: [DONE]\n\n"
}

func addedWhole() string {
	return fmt.Sprintf(`{"object":"chat.completion",%s,"choices":[{"index":0,"message":{"role":"assistant","content":%q},`+
		`"finish_reason":"stop"}],%s}`, addedHead, strings.Repeat(" some words", providertest.Chunks), addedUsage)
}

// BenchmarkAdded measures what the client adds to plain net/http.
func BenchmarkAdded(b *testing.B) {
	for name, c := range map[string]struct {
		kind, text string
		chunks     int
	}{
		"stream": {"text/event-stream", addedStream(), providertest.Chunks},
		"whole":  {"application/json", addedWhole(), 0},
	} {
		b.Run(name, func(b *testing.B) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				w.Header().Set("Content-Length", strconv.Itoa(len(c.text)))
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					b.Error(err)
				}
				if _, err := io.WriteString(w, c.text); err != nil {
					b.Error(err)
				}
			}))
			defer server.Close()
			carrier := &http.Client{Transport: &http.Transport{}}
			defer carrier.CloseIdleConnections()
			client := openai.New(openai.Dialect{Provider: "test", Base: server.URL, Key: "k"}, providers.Config{HTTP: carrier})
			request := &providers.Request{Model: "m", Messages: []providers.Message{providers.TextMessage("user", "hello")}}
			plain := providertest.Plain(carrier, server.URL+openai.RouteChat, []byte(addedBody))
			providertest.Added(b, c.chunks, plain, providertest.Driven(b, client, request, c.chunks > 0))
		})
	}
}
