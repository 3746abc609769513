package openai_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// A vendor that speaks OpenAI's dialect and has no logprobs: its package exports one
// Vendor, which the list of vendors in cmd/internal/boot names.
func ExampleNew() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"Good morning."},`+
			`"finish_reason":"stop"}]}`)
	}))
	defer server.Close()
	client := server.Client()
	defer client.CloseIdleConnections()

	acme := providers.Vendor{
		Name: "acme",
		Open: func(config providers.Config) (providers.Driver, error) {
			return driver{openai.New(openai.Dialect{
				Provider: "acme", Base: server.URL + "/v1", Key: "made-up",
				Encode: func(req *providers.Request, _ *openai.Body) error {
					if req.Logprobs {
						return openai.Unsupported("logprobs", "leave it out or use another vendor")
					}
					return nil
				},
			}, config)}, nil
		},
	}
	opened, err := acme.Open(providers.Config{HTTP: client})
	if err != nil {
		fmt.Println(err)
		return
	}
	request := providers.Request{Model: "small", Messages: []providers.Message{providers.TextMessage("user", "Hello?")}}
	reply, err := opened.Chat(context.Background(), &request, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Content)
	request.Logprobs = true
	_, err = opened.Chat(context.Background(), &request, nil)
	fmt.Println(err)
	// Output:
	// Good morning.
	// acme/small: unsupported_param: the vendor does not take the parameter logprobs: leave it out or use another vendor
}

// driver is the client with what the vendor has beside chats.
type driver struct{ *openai.Client }
