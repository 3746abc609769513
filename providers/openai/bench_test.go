package openai

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"dreamlab/providers"
)

const chunk = `{"id":"chatcmpl-0f1e2d3c","object":"chat.completion.chunk","created":1763900000,` +
	`"model":"openai/gpt-oss-120b",` +
	`"system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":" some words"},` +
	`"logprobs":null,"finish_reason":null}]}`

// BenchmarkChunk measures one chunk of a stream on its way through.
func BenchmarkChunk(b *testing.B) {
	client := New(Dialect{Provider: "test", Base: "http://x"}, providers.Config{HTTP: &http.Client{}})
	text := strings.Repeat("data: "+chunk+"\n\n", 1000)
	ignore := func(providers.Chunk) error { return nil }
	b.ReportAllocs()
	b.SetBytes(int64(len(chunk)))
	for n := 0; n < b.N; n += 1000 {
		a := &answer{Response: &http.Response{StatusCode: 200, Header: http.Header{}}, ctx: b.Context(),
			client: client}
		s := &stream{answer: a, reply: &providers.Reply{}}
		if err := s.run(newEvents(bufio.NewReader(strings.NewReader(text)), maxLine),
			ignore); providers.KindOf(err) != providers.KindTruncated {
			b.Fatal(err)
		}
	}
}

// BenchmarkStream measures a whole call of 256 chunks over loopback.
func BenchmarkStream(b *testing.B) {
	text := strings.Repeat("data: "+chunk+"\n\n", 256) + event(stop) + event(counted) + done
	client := serve(b, Dialect{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, text)
	})
	ignore := func(providers.Chunk) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Chat(b.Context(), hello(), ignore); err != nil {
			b.Fatal(err)
		}
	}
}
