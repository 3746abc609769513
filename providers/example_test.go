package providers_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/openai"
)

// A router over one server of the operator's own, which costs nothing.
func ExampleRouter_Chat() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"Good morning."},`+
			`"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"completion_tokens":3}}`)
	}))
	defer server.Close()
	client := server.Client()
	defer client.CloseIdleConnections()

	driver, err := openai.Compatible("own", server.URL+"/v1", "").Open(providers.Config{HTTP: client})
	if err != nil {
		fmt.Println(err)
		return
	}
	prices, err := catalog.Load(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	prices.Register(catalog.Free("own"))
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: map[string]providers.Driver{"own": driver}, Prices: prices,
	})
	answer, err := router.Chat(context.Background(), providers.Call{
		Request: providers.Request{Messages: []providers.Message{providers.TextMessage("user", "Hello?")}},
		Tiers:   [][]providers.Target{{{Provider: "own", Model: "small"}}},
		Ledger:  discard{},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Reply.Content, answer.Reply.Usage.Output, "tokens,", answer.Nano, "nano-dollars")
	// Output: Good morning. 3 tokens, 0 nano-dollars
}
