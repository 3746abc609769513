package openai

import (
	"testing"

	"dreamlab/providers"
)

// TestTheTierThatServedIsTold reads it of whole answers and of streams, whose last word counts.
func TestTheTierThatServedIsTold(t *testing.T) {
	t.Parallel()
	const says = `{"id":"i","created":7,"model":"m","choices":[{"index":0,`
	whole := says + `"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}],"service_tier":"priority"}`
	stream := event(says+`"delta":{"content":"a"}}],"service_tier":"auto"}`) +
		event(says+`"delta":{},"finish_reason":"stop"}],"service_tier":"flex"}`) + event(says+`"delta":{}}],"service_tier":null}`) + done
	for kind, c := range map[string]struct {
		text, want string
		sink       providers.Sink
	}{
		"application/json":  {whole, "priority", nil},
		"text/event-stream": {stream, "flex", func(providers.Chunk) error { return nil }},
	} {
		client := serve(t, Dialect{}, body(200, kind, c.text))
		reply, err := client.Chat(t.Context(), hello(), c.sink)
		if err != nil || reply.Service != c.want {
			t.Errorf("%s: %+v, %v; want the tier %s", kind, reply, err, c.want)
		}
	}
}
