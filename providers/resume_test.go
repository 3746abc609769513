package providers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"dreamlab/providers"
	"dreamlab/providers/completion"
)

// speaker is a vendor that streams texts, breaks off after them where it is to fail, and
// goes on from the beginning of an answer if it is one that prefills.
type speaker struct {
	texts    []string
	e        *providers.Error
	prefills bool
	requests []providers.Request
}

func (s *speaker) Chat(_ context.Context, r *providers.Request, sink providers.Sink) (*providers.Reply, error) {
	s.requests = append(s.requests, *r)
	reply := &providers.Reply{Finish: "stop", Usage: providers.Usage{Input: 10, Output: 5}}
	send := func(delta string, shows, ends bool) error {
		data := fmt.Sprintf(`{"choices":[{"index":0,"delta":%s}]}`, delta)
		return sink(providers.Chunk{Data: []byte(data), Shows: shows, Ends: ends})
	}
	err := send(`{"role":"assistant","content":""}`, false, false)
	for _, text := range s.texts {
		if err == nil {
			reply.Content += text
			err = send(fmt.Sprintf(`{"content":%q}`, text), true, false)
		}
	}
	reply.Message = fmt.Appendf(nil, `{"role":"assistant","content":%q}`, reply.Content)
	switch {
	case err != nil:
		return reply, &providers.Error{Kind: providers.KindCancelled, Charge: providers.ChargeUnknown, Err: err}
	case s.e != nil:
		return reply, s.e
	}
	reply.Body = fmt.Appendf(nil, `{"choices":[{"index":0,"message":%s}]}`, reply.Message)
	return reply, send(`{}`, false, true)
}

func (s *speaker) Models(context.Context) ([]providers.ModelInfo, error) { return nil, nil }
func (s *speaker) Prefills(string) bool                                  { return s.prefills }

func broken() *providers.Error {
	return &providers.Error{Kind: providers.KindTruncated, Charge: providers.ChargeUnknown}
}

// TestStreamIsResumed has the first of two targets break off, and looks at what the
// reader is shown of the second.
func TestStreamIsResumed(t *testing.T) {
	t.Parallel()
	first := []string{"The capital", " of France"}
	tests := map[string]struct {
		first    *speaker
		second   speaker
		request  func(*providers.Request)
		want     string // that is shown
		answered bool
		asked    int // how often the second is
	}{
		"goes on": {
			second: speaker{texts: []string{" is Paris", ", as everybody knows it to be."}, prefills: true},
			want:   "The capital of France is Paris, as everybody knows it to be.", answered: true, asked: 1,
		},
		"has no more to say": {second: speaker{prefills: true}, want: "The capital of France", answered: true, asked: 1},
		"begins anew": {
			second: speaker{texts: []string{"The capital of", " France is Paris."}, prefills: true},
			want:   "The capital of France", asked: 1,
		},
		"repeats the end": {
			first:  &speaker{texts: []string{"Paris, the capital of France"}, e: broken()},
			second: speaker{texts: []string{" the capital of France", " is large, and old."}, prefills: true},
			want:   "Paris, the capital of France", asked: 1,
		},
		"takes no prefill": {second: speaker{texts: []string{" is Paris"}}, want: "The capital of France"},
		"breaks off, too": {
			second: speaker{texts: []string{" is Paris, as everybody ought to know by now"}, prefills: true, e: broken()},
			want:   "The capital of France is Paris, as everybody ought to know by now", asked: 2,
		},
		"of several answers": {
			second:  speaker{texts: []string{" is Paris"}, prefills: true},
			request: func(r *providers.Request) { n := 2; r.N = &n }, want: "The capital of France",
		},
		"of a form": {
			second:  speaker{texts: []string{" is Paris"}, prefills: true},
			request: func(r *providers.Request) { r.ResponseFormat = []byte(`{}`) }, want: "The capital of France",
		},
		"is refused": {
			first: &speaker{texts: first, e: &providers.Error{Kind: providers.KindContentFilter}}, want: "The capital of France",
			second: speaker{texts: []string{" is Paris"}, prefills: true},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if test.first == nil {
					test.first = &speaker{texts: first, e: broken()}
				}
				call := providers.Call{
					Request: providers.Request{Messages: []providers.Message{providers.TextMessage("user", "hello")}},
					Tiers:   [][]providers.Target{at("cheap"), at("dear")}, Ledger: &books{}, Resume: true,
				}
				call.Request.MaxTokens = 100
				if test.request != nil {
					test.request(&call.Request)
				}
				shown := ""
				call.Sink = func(chunk providers.Chunk) error {
					text, _ := completion.Said(chunk.Data)
					shown += text
					return nil
				}
				router := providers.NewRouter(providers.RouterOptions{Prices: loadPrices(t),
					Drivers: map[string]providers.Driver{"cheap": test.first, "dear": &test.second}})
				answer, err := router.Chat(t.Context(), call)
				if shown != test.want || (err == nil) != test.answered || len(test.second.requests) != test.asked {
					t.Fatalf("shown %q, error %v, the second asked %d times", shown, err, len(test.second.requests))
				}
				if answer == nil || answer.Reply.Content != test.want {
					t.Errorf("the answer is %+v, want what was shown", answer)
				}
				if test.answered {
					holdSeam(t, answer, test.second.requests[0], test.want)
				}
			})
		})
	}
}

func holdSeam(t *testing.T, answer *providers.Answer, request providers.Request, want string) {
	t.Helper()
	last := request.Messages[len(request.Messages)-1]
	if !request.Prefilled || last.Role != "assistant" || len(request.Messages) != 2 ||
		!strings.HasPrefix(want, last.Text()) || request.MaxTokens >= 100 {
		t.Errorf("asked to go on by %+v", request)
	}
	seam := providers.Seam{From: at("cheap")[0], At: len(last.Text())}
	if len(answer.Seams) != 1 || answer.Seams[0] != seam || answer.Target.Provider != "dear" || answer.Tries != 2 {
		t.Errorf("answer %+v, want the seam %+v", answer, seam)
	}
	for what, text := range map[string]string{"message": string(answer.Reply.Message), "body": string(answer.Reply.Body)} {
		if !strings.Contains(text, fmt.Sprintf("%q", want)) {
			t.Errorf("the %s is %s, want all of the answer in it", what, text)
		}
	}
}

// TestResumedTriesAreBounded has every target break off after a word.
func TestResumedTriesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		drivers := map[string]providers.Driver{}
		for i, name := range []string{"cheap", "dear", "spare"} {
			text := fmt.Sprintf(" %d words that nobody has said so far, and more", i)
			drivers[name] = &speaker{texts: []string{text}, e: broken(), prefills: true}
		}
		router := providers.NewRouter(providers.RouterOptions{Prices: loadPrices(t), Drivers: drivers})
		ledger := &books{}
		answer, err := router.Chat(t.Context(), providers.Call{
			Tiers: [][]providers.Target{at("cheap"), at("dear"), at("spare")}, Ledger: ledger, Resume: true,
			Sink: func(providers.Chunk) error { return nil },
		})
		if err == nil || answer == nil || len(ledger.tries) > 4 || len(ledger.outcomes) != len(ledger.tries) {
			t.Errorf("%+v, %v after %d tries, of which %d ended", answer, err, len(ledger.tries), len(ledger.outcomes))
		}
	})
}
