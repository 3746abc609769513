package bedrock_test

import (
	"net/http"
	"testing"

	"dreamlab/providers/providertest"
)

// BenchmarkAdded measures what the driver adds to plain net/http, which reads the same bytes:
// signing, frames with their sums, and another vendor's form of chunks.
func BenchmarkAdded(b *testing.B) {
	events := []string{`messageStart {"role":"assistant"}`}
	for range providertest.Chunks {
		events = append(events, `contentBlockDelta {"contentBlockIndex":0,"delta":{"text":" some words"},"p":"abcdefgh"}`)
	}
	events = append(events, `contentBlockStop {"contentBlockIndex":0}`, `messageStop {"stopReason":"end_turn"}`,
		`metadata {"usage":{"inputTokens":7,"outputTokens":256,"totalTokens":263},"metrics":{"latencyMs":9}}`)
	url := serve(b, streaming(framed(b, events...)))
	carrier := &http.Client{Transport: &http.Transport{}}
	b.Cleanup(carrier.CloseIdleConnections)
	plain := providertest.Plain(carrier, url, []byte(`{"messages":[{"role":"user","content":[{"text":"hello"}]}]}`))
	providertest.Added(b, providertest.Chunks, plain, providertest.Driven(b, openWith(b, settings(url)), request("hello"), true))
}
