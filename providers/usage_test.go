package providers_test

import (
	"context"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/completion"
)

// TestCountsAreHeldToTheCall has a vendor count what it likes.
func TestCountsAreHeldToTheCall(t *testing.T) {
	t.Parallel()
	many := make([]byte, 40_000)
	for i := range many {
		many[i] = 'x'
	}
	tests := map[string]struct {
		prompt   string
		most     int
		answer   string
		counted  providers.Usage
		disputed bool
	}{
		"plain":                      {"hello", 50, "hi", providers.Usage{Input: 80, Output: 2}, false},
		"a system prompt of its own": {"hello", 50, "hi", providers.Usage{Input: 2_000, Output: 2}, false},
		"2^32 tokens":                {"hello", 0, "hi", providers.Usage{Input: 4_294_967_295, Output: 2}, true},
		"a context full":             {"hello", 0, "hi", providers.Usage{Input: 131_072, Output: 2}, true},
		"10^12 tokens out":           {"hello", 0, "hi", providers.Usage{Input: 8, Output: 999_999_999_999}, true},
		"more than was asked for":    {"hello", 50, "hi", providers.Usage{Input: 8, Output: 5_000}, true},
		"who ignores what is asked":  {"hello", 50, string(many), providers.Usage{Input: 8, Output: 10_000}, false},
		"reasoning beside it":        {"hello", 50, "hi", providers.Usage{Input: 8, Output: 900, Reasoning: 860}, false},
		"below nothing":              {"hello", 50, "hi", providers.Usage{Input: -5, Output: 2}, true},
		"a token a byte":             {string(many), 50, "hi", providers.Usage{Input: 40_000, Output: 2}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := 0
			vendor := &actor{script: []step{func(context.Context, providers.Sink) (*providers.Reply, error) {
				return &providers.Reply{Content: test.answer, Finish: "stop", Usage: test.counted}, nil
			}}}
			router := providers.NewRouter(providers.RouterOptions{
				Drivers: map[string]providers.Driver{"cheap": vendor}, Prices: loadPrices(t),
				Dispute: func(providers.Target, providers.Usage, string) { told++ },
			})
			answer, err := router.Chat(t.Context(), providers.Call{
				Request: providers.Request{Settings: completion.Settings{MaxTokens: test.most},
					Messages: []providers.Message{providers.TextMessage("user", test.prompt)}},
				Tiers: [][]providers.Target{at("cheap")}, Ledger: &books{},
			})
			if err != nil {
				t.Fatal(err)
			}
			if answer.Disputed != test.disputed || answer.Reply.Usage.Missing != test.disputed || (told == 1) != test.disputed {
				t.Errorf("disputed %v, usage %+v, told %d times", answer.Disputed, answer.Reply.Usage, told)
			}
			if test.disputed && (answer.Nano <= 0 || answer.Nano > 10_000) {
				t.Errorf("booked %d nano-dollars for a word", answer.Nano)
			}
		})
	}
}

// TestFailureIsNotChargedWhatCanNotBe has a vendor bill a failure beyond the call.
func TestFailureIsNotChargedWhatCanNotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string][]step{"cheap": {failsWith(providers.Error{Kind: providers.KindInvalid,
		Charge: providers.ChargeUsage, Usage: providers.Usage{Input: 1 << 40}})}})
	if _, err := w.ask(t.Context(), at("cheap")); err == nil {
		t.Fatal("no error")
	}
	if got := w.books.outcomes[0]; got.Charge != providers.ChargeUnknown || got.Nano != 0 {
		t.Errorf("outcome %+v, want one of unknown charge", got)
	}
}
