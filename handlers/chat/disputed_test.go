package chat_test

import (
	"context"
	"strings"
	"testing"

	"dreamlab/handlers"
	"dreamlab/handlers/chat"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers"
	"dreamlab/store/job"
)

// disputed is a router whose vendor counted more than the call can have used.
type disputed struct{}

const absurdUsage = `"usage":{"prompt_tokens":4294967295,"completion_tokens":2,"total_tokens":4294967297}`

func (disputed) Chat(ctx context.Context, call providers.Call) (*providers.Answer, error) {
	target := call.Tiers[0][0]
	entry, err := call.Ledger.Reserve(ctx, providers.Try{Target: target, Number: 1, ReservedNano: 1})
	if err != nil {
		return nil, err
	}
	if call.Sink != nil {
		call.Began(target, 1)
		for _, chunk := range []providers.Chunk{
			{Data: []byte(`{"choices":[{"index":0,"delta":{"content":"hi"}}]}`), Shows: true},
			{Data: []byte(`{"choices":[],` + absurdUsage + `}`)},
		} {
			if err := call.Sink(chunk); err != nil {
				return nil, err
			}
		}
	}
	return &providers.Answer{
		Target: target, Entry: entry, Nano: 1, Tries: 1, Disputed: true,
		Reply: &providers.Reply{
			Body:    []byte(`{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}],` + absurdUsage + `}`),
			Content: "hi", Message: []byte(`{"content":"hi"}`), Finish: "stop", Usage: providers.Usage{Missing: true},
		},
	}, nil
}

func TestAUsageThatTheBooksDoNotBelieveIsNotShown(t *testing.T) {
	t.Parallel()
	for _, body := range []string{hello + `}`, hello + `,"stream":true,"stream_options":{"include_usage":true}}`} {
		b := handlertest.New(t)
		a := &asked{Bench: b}
		a.run = b.Claim(t, job.NewJob{Kind: "chat.run", Attached: true}, inputOf(t, body))
		caller := handlers.NewCaller(handlers.CallerOptions{Router: disputed{}})
		a.end, a.err = chat.New(chat.Options{Caller: caller, Replies: b.Replies})(t.Context(), a.run)
		if a.err != nil {
			t.Fatal(a.err)
		}
		job := a.Finish(t, a.run, a.end)
		lines, _, _ := a.events(t)
		if all := strings.Join(lines, "") + string(job.Result); strings.Contains(all, "42949") || !strings.Contains(all, `"usage":null`) {
			t.Errorf("shown and kept: %s", all)
		}
	}
}
