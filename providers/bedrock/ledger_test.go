package bedrock_test

import (
	"context"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/bedrock/emulator"
	"dreamlab/providers/catalog"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
)

// open is a ledger that lets everything pass.
type open struct{}

func (open) Reserve(context.Context, providers.Try) (string, error) { return "entry", nil }

func (open) End(context.Context, string, providers.Outcome) error { return nil }

// pricedLab is a lab that bills by the catalogue.
func pricedLab(t *testing.T, prices *catalog.Catalog) *lab.Lab {
	t.Helper()
	l, err := lab.New(lab.Options{Credential: providertest.Key, Price: func(vendor, model string) (in, out, cached int64) {
		p, err := prices.Price(vendor, model, time.Now())
		if err != nil {
			t.Error(err)
		}
		return p.In, p.Out, p.CachedIn
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// TestBooksAgree lets the router and the vendor count the same calls.
func TestBooksAgree(t *testing.T) {
	t.Parallel()
	prices, err := catalog.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	l := pricedLab(t, prices)
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: map[string]providers.Driver{"bedrock": connect(t, emulator.New(l))}, Prices: prices,
	})
	var counted int64
	for i := range 6 {
		call := providers.Call{
			Request: *request("hello"), Ledger: open{}, Tiers: [][]providers.Target{{{Provider: "bedrock", Model: scout}}},
		}
		if i > 3 { // what is thought is billed, too
			call.Request.ReasoningEffort, call.Tiers[0][0].Model = "low", "openai.gpt-oss-20b-1:0"
		}
		if i%2 == 1 {
			call.Sink = ignore
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
