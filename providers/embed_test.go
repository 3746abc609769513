package providers_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/completion"
)

// embedding is a vendor of vectors alone, which fails first where it is told so.
type embedding struct {
	actor
	asked []providers.EmbedRequest
	fault *providers.Error
}

func (e *embedding) Embed(_ context.Context, req providers.EmbedRequest) (providers.EmbedReply, error) {
	e.asked = append(e.asked, req)
	if fault := e.fault; fault != nil {
		e.fault = nil
		return providers.EmbedReply{}, fault
	}
	return providers.EmbedReply{Vectors: [][]float32{{1, -0.5}, {0.25, 3}}, Usage: providers.Usage{Input: 9}}, nil
}

func TestVectorsGoThroughTheRouter(t *testing.T) {
	t.Parallel()
	vendor := &embedding{fault: &providers.Error{Kind: providers.KindRateLimit, Charge: providers.ChargeNone}}
	ledger := &books{}
	now := time.Unix(1_800_000_000, 0)
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: map[string]providers.Driver{"cheap": vendor, "dear": &actor{script: []step{says("no vectors")}}},
		Prices:  loadPrices(t), Now: func() time.Time { return now },
		Sleep: func(_ context.Context, wait time.Duration) error { now = now.Add(wait); return nil },
	})
	call := providers.Call{
		Request: providers.Request{Inputs: []string{"one", "two"}, Dimensions: 2},
		Tiers:   [][]providers.Target{at("cheap")}, Ledger: ledger,
	}
	answer, err := router.Chat(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	if err := json.Unmarshal(answer.Reply.Body, &texts); err != nil || len(texts) != 2 {
		t.Fatalf("%s, %v", answer.Reply.Body, err)
	}
	second, err := completion.DecodeVector(texts[1])
	if err != nil || !slices.Equal(second, []float32{0.25, 3}) {
		t.Errorf("%v, %v", second, err)
	}
	if answer.Tries != 2 || answer.Nano != 900 || len(ledger.outcomes) != 1 { // 9 tokens at $0.10 a million
		t.Errorf("%d tries, %d nano-dollars, %d failed", answer.Tries, answer.Nano, len(ledger.outcomes))
	}
	if asked := vendor.asked[1]; asked.Model != "m" || asked.Dimensions != 2 {
		t.Errorf("asked %+v", asked)
	}
	call.Tiers = [][]providers.Target{at("dear")}
	if _, err := router.Chat(t.Context(), call); providers.KindOf(err) != providers.KindUnsupported {
		t.Errorf("a vendor without embeddings: %v", err)
	}
	for _, text := range []string{"AAA", "?", "AAAA"} {
		if _, err := completion.DecodeVector(text); err == nil {
			t.Errorf("%q is a vector", text)
		}
	}
}
