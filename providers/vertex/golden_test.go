package vertex_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/vertex"
	"dreamlab/providers/vertex/emulator"
)

// calling is how Gemini 3 streams a call of a tool: with the signature of its thought,
// and with the reasoning counted beside the completion.
const calling = `data: {"choices":[{"delta":{"role":"assistant","tool_calls":[{"extra_content":{"google":{"thought_signature":"c2ln"}},` +
	`"function":{"arguments":"{\"city\":\"Rome\"}","name":"weather"},"id":"function-call-1","index":0,"type":"function"}]},` +
	`"index":0,"logprobs":null}],"created":1,"id":"x","model":"google/gemini-3-flash","object":"chat.completion.chunk","system_fingerprint":""}

data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":"tool_calls","index":0,"logprobs":null}],"created":1,"id":"x",` +
	`"model":"google/gemini-3-flash","object":"chat.completion.chunk","usage":{"completion_tokens":9,"completion_tokens_details":` +
	`{"reasoning_tokens":75},"extra_properties":{"google":{"traffic_type":"ON_DEMAND"}},"prompt_tokens":20,"total_tokens":104}}

data: [DONE]

`

// What Gemini says of a thought comes back with the next turn as it came.
func TestSignaturesOfThoughts(t *testing.T) {
	t.Parallel()
	sent := make(chan []byte, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := calling
		w.Header().Set("Content-Type", "text/event-stream")
		if isToken(r) {
			w.Header().Set("Content-Type", "application/json")
			answer = `{"access_token":"t","expires_in":3599,"token_type":"Bearer"}`
		} else if body, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		} else {
			sent <- body
		}
		if _, err := io.WriteString(w, answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	driver, err := vertex.Vendor.Open(providers.Config{Values: settings(server.URL), HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	var chunks strings.Builder
	reply, err := driver.Chat(t.Context(), request(), func(chunk providers.Chunk) error {
		chunks.Write(chunk.Data)
		return nil
	})
	want := providers.Usage{Input: 20, Output: 84, Reasoning: 75}
	if err != nil || reply.Finish != "tool_calls" || reply.Usage != want {
		t.Fatalf("%+v, %v", reply, err)
	}
	const signature = `"thought_signature":"c2ln"`
	if !strings.Contains(string(reply.Message), signature) || !strings.Contains(chunks.String(), signature) {
		t.Errorf("the signature is lost: %s, %s", reply.Message, chunks.String())
	}
	<-sent
	req := request()
	var turn providers.Message
	if err := json.Unmarshal(reply.Message, &turn); err != nil {
		t.Fatal(err)
	}
	req.Messages = append(req.Messages, turn)
	req.Options = map[string]json.RawMessage{"extra_body": []byte(`{"google":{"thinking_config":{"thinking_budget":0}}}`)}
	if _, err := driver.Chat(t.Context(), req, nil); err != nil {
		t.Fatal(err)
	}
	if body := string(<-sent); !strings.Contains(body, signature) || !strings.Contains(body, `"extra_body":{"google":{`) {
		t.Errorf("sent %s", body)
	}
}

// TestBooksAgree lets the router and the vendor count the same calls.
func TestBooksAgree(t *testing.T) {
	t.Parallel()
	prices, err := catalog.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t, lab.Options{Price: func(vendor, model string) (in, out, cached int64) {
		p, err := prices.Price(vendor, model, time.Now())
		if err != nil {
			t.Error(err)
		}
		return p.In, p.Out, p.CachedIn
	}})
	server := httptest.NewServer(emulator.New(l))
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	driver, err := vertex.Vendor.Open(providers.Config{
		Values: vertex.Vendor.Sandbox(server.URL, providertest.Key), HTTP: &http.Client{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	router := providers.NewRouter(providers.RouterOptions{Drivers: map[string]providers.Driver{"vertex": driver}, Prices: prices})
	var counted int64
	for i, model := range []string{flash, maverick, flash, maverick} {
		call := providers.Call{Request: *request(), Ledger: open{}, Tiers: [][]providers.Target{{{Provider: "vertex", Model: model}}}}
		if i > 1 {
			call.Sink = func(providers.Chunk) error { return nil }
		}
		got, err := router.Chat(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		counted += got.Nano
	}
	var paid int64
	for _, payment := range l.Payments() {
		paid += payment.NanoUSD
	}
	if paid != counted || paid == 0 {
		t.Errorf("the router counted %d nano-dollars, the vendor %d", counted, paid)
	}
}

// open is a ledger that lets everything pass.
type open struct{}

func (open) Reserve(context.Context, providers.Try) (string, error) { return "entry", nil }

func (open) End(context.Context, string, providers.Outcome) error { return nil }
