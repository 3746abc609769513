package handlers_test

import (
	"testing"

	"dreamlab/handlers"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers"
	"dreamlab/providers/choose"
	"dreamlab/store/learn"
)

// TestPolicyOfARouteThatAnOperatorSet has the policy of an alias hold for targets that the
// configuration did not name: by the list the dear one answers, by the price the other.
func TestPolicyOfARouteThatAnOperatorSet(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	_, err := b.Store.SetRoute(t.Context(), learn.Route{
		Alias: "made-later", Reason: "operator", Author: "key_1", Targets: []learn.RouteTarget{
			{Model: "groq/openai/gpt-oss-120b", Weight: 1}, {Model: "together/openai/gpt-oss-20b", Weight: 1},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for order, want := range map[providers.Policy]string{
		providers.Ordered: "openai/gpt-oss-120b", providers.Cheapest: "openai/gpt-oss-20b",
	} {
		router := providers.NewRouter(providers.RouterOptions{
			Drivers: map[string]providers.Driver{"groq": driver(t, b, "groq"), "together": driver(t, b, "together")},
			Prices:  b.Prices, Order: choose.New(choose.Options{}).Order,
		})
		caller := handlers.NewCaller(handlers.CallerOptions{
			Router: router, Prices: b.Prices, Policies: map[string]handlers.Policy{"made-later": {Order: order}},
		})
		for i := range 4 {
			tiers, err := caller.Resolve(t.Context(), b.Store.Queries, b.Tenant, "made-later", "conversation")
			if err != nil {
				t.Fatal(err)
			}
			answered, err := caller.Ask(t.Context(), claim(t, b), handlers.Step{
				Name: "answer", Purpose: "chat", Request: question("hello"), Tiers: tiers, Alias: "made-later",
			})
			if err != nil || answered.Target.Model != want {
				t.Fatalf("%s, call %d: %+v, %v, want %s", order, i, answered, err, want)
			}
		}
	}
}

func driver(t *testing.T, b *handlertest.Bench, vendor string) providers.Driver {
	t.Helper()
	driver, err := b.Router.Driver(vendor)
	if err != nil {
		t.Fatal(err)
	}
	return driver
}
