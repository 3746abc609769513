package openai

import (
	"net/http"
	"strings"
	"testing"

	"dreamlab/providers"
)

// A vendor may serve each route and each model at an address of its own.
func TestAddressOfARoute(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 3)
	var base string
	dialect := Dialect{URL: func(route, model string) string { return base + "/models/" + model + route + "?version=7" }}
	client := serve(t, dialect, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.RequestURI()
		body(http.StatusBadRequest, "application/json", "{}")(w, r)
	})
	base = client.dialect.Base
	if _, err := client.Chat(t.Context(), hello(), nil); err == nil {
		t.Error("no error")
	}
	if _, err := client.Embed(t.Context(), providers.EmbedRequest{Model: "m", Inputs: []string{"a"}}); err == nil {
		t.Error("no error")
	}
	if _, err := client.Models(t.Context()); err == nil {
		t.Error("no error")
	}
	for _, want := range []string{"m/chat/completions", "m/embeddings", "/models"} {
		if got := <-asked; got != "/v1/models/"+want+"?version=7" {
			t.Errorf("asked %s, want %s", got, want)
		}
	}
}

// A vendor's own events are put into OpenAI's form, in their order, for each stream
// anew; what is no answer is not handed on.
func TestEventsInTheVendorsForm(t *testing.T) {
	t.Parallel()
	dialect := Dialect{Translate: func(*providers.Request) func([]byte) []byte {
		count := 0
		return func(event []byte) []byte {
			if event == nil {
				return []byte(`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
			}
			if count++; count == 2 {
				return nil
			}
			return []byte(`{"choices":[{"index":0,"delta":{"content":"` + string(event[2:3]) + `"},"finish_reason":null}]}`)
		}
	}}
	client := serve(t, dialect, body(http.StatusOK, "text/event-stream",
		"data: {\"a\":1}\n\ndata: {\"b\":1}\n\ndata: {\"c\":1}\n\ndata: [DONE]\n\n"))
	for range 2 {
		var got gather
		reply, err := client.Chat(t.Context(), hello(), got.sink)
		if err != nil || reply.Content != "ac" || reply.Finish != "stop" || strings.Count(strings.Join(got.data, ""), "delta") != 3 {
			t.Errorf("%+v, %v: %q", reply, err, got.data)
		}
	}
}
