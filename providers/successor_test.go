package providers_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
)

// lives keeps what is gone in a catalogue.
type lives struct{ known *catalog.Catalog }

func (l lives) Gone(_ context.Context, target providers.Target) {
	l.known.MarkGone(target.Provider, target.Model, time.Now())
}

func (l lives) Successor(target providers.Target) (string, bool) {
	return l.known.Successor(target.Provider, target.Model, time.Now())
}

// mortal is a vendor that has models no more.
type mortal struct {
	gone  string
	asked []string
}

func (m *mortal) Chat(_ context.Context, req *providers.Request, _ providers.Sink) (*providers.Reply, error) {
	m.asked = append(m.asked, req.Model)
	if strings.Contains(m.gone, req.Model) {
		return nil, &providers.Error{Kind: providers.KindModelGone, Provider: "p", Model: req.Model, NoRetry: true,
			Charge: providers.ChargeNone}
	}
	return &providers.Reply{Content: req.Model, Finish: "stop", Usage: providers.Usage{Input: 10, Output: 5}}, nil
}

func (m *mortal) Models(context.Context) ([]providers.ModelInfo, error) { return nil, nil }

// TestSuccessorAnswers asks for a model that its vendor has no more: the one that the catalogue
// names answers in the same call at its own price, and is asked at once from then on.
func TestSuccessorAnswers(t *testing.T) {
	t.Parallel()
	known, err := catalog.Load(strings.NewReader(`{"vendor":"p","models":[
 {"id":"old","replacement":"mid","prices":[{"input":"1","output":"1"}]},
 {"id":"mid","replacement":"new","prices":[{"input":"1","output":"1"}]},
 {"id":"new","prices":[{"input":"3","output":"3"}]},
 {"id":"lone","prices":[{"input":"1","output":"1"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	vendor, kept := &mortal{gone: "old mid lone"}, &books{}
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: map[string]providers.Driver{"p": vendor}, Prices: known, Lives: lives{known},
	})
	ask := func(target providers.Target) (*providers.Answer, error) {
		vendor.asked = nil
		return router.Chat(t.Context(), providers.Call{
			Request: providers.Request{Messages: []providers.Message{providers.TextMessage("user", "x")}},
			Tiers:   [][]providers.Target{{target}}, Ledger: kept,
		})
	}
	for _, want := range []string{"old mid new", "new"} {
		answer, err := ask(providers.Target{Provider: "p", Model: "old"})
		if err != nil || answer.Target.Model != "new" || answer.Nano != 45_000 || strings.Join(vendor.asked, " ") != want {
			t.Fatalf("asked %v, want %s: %+v, %v", vendor.asked, want, answer, err)
		}
	}
	if _, err := ask(providers.Target{Provider: "p", Model: "lone"}); providers.KindOf(err) != providers.KindModelGone {
		t.Errorf("without a replacement: %v", err)
	}
	tuned := providers.Target{Provider: "p", Model: "old", Priced: "new"}
	if _, err := ask(tuned); providers.KindOf(err) != providers.KindModelGone || len(vendor.asked) != 1 {
		t.Errorf("a tuned model: asked %v, %v", vendor.asked, err)
	}
}
