package handlers_test

import (
	"testing"

	"dreamlab/handlers"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers"
	"dreamlab/store/learn"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	for _, m := range []learn.Model{
		{Name: "together/acme/tuned", State: learn.ModelServing}, {Name: "together/acme/old", State: learn.ModelStopped},
		{Name: "together/acme/hosted", State: learn.ModelServing, NanoPerHour: 1},
	} {
		m.Tenant, m.Alias, m.Provider, m.Base = b.Tenant, "assistant", "together", handlertest.Base
		m.Priced = "openai/gpt-oss-20b"
		err := b.Store.AddModel(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
	}
	b.SetRoute(t, "mine", "together/acme/old", "together/acme/tuned")
	tuned := providers.Target{Provider: "together", Model: "acme/tuned", Priced: "openai/gpt-oss-20b"}
	tests := map[string]struct {
		want providers.Target
		code string
	}{
		"lead":                        {want: providers.Target{Provider: "groq", Model: "openai/gpt-oss-120b"}},
		"together/openai/gpt-oss-20b": {want: providers.Target{Provider: "together", Model: "openai/gpt-oss-20b"}},
		"together/acme/tuned":         {want: tuned},
		"together/acme/hosted": {want: providers.Target{
			Provider: "together", Model: "acme/hosted", Priced: "openai/gpt-oss-20b", Hosted: true}},
		"mine":                         {want: tuned}, // the stopped one stands aside
		"together/acme/old":            {code: "model_not_found"},
		"nothing":                      {code: "model_not_found"},
		"nobody/openai/gpt-oss-20b":    {code: "model_not_found"},
		"together/openai/gpt-oss-2000": {code: "model_not_found"},
	}
	for name, test := range tests {
		tiers, err := b.Caller().Resolve(t.Context(), b.Store.Queries, b.Tenant, name, "conv")
		if test.code != "" {
			if !handlers.Failed(err, test.code) {
				t.Errorf("%s: got %v, want %s", name, err, test.code)
			}
			continue
		}
		if err != nil || tiers[0][0] != test.want {
			t.Errorf("%s: got %v, %v, want %v", name, tiers, err, test.want)
		}
	}
}

// TestRouted goes by targets that were known before: where none of them is left,
// by those that the alias has now.
func TestRouted(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	err := b.Store.AddModel(t.Context(), learn.Model{
		Name: "together/acme/old", Tenant: b.Tenant, Alias: "assistant", Provider: "together", Base: handlertest.Base,
		State: "stopped", Priced: "openai/gpt-oss-20b",
	})
	if err != nil {
		t.Fatal(err)
	}
	b.SetRoute(t, "mine", "together/openai/gpt-oss-20b")
	for known, want := range map[string]string{
		"groq/openai/gpt-oss-120b": "openai/gpt-oss-120b",
		"together/acme/old":        "openai/gpt-oss-20b",
	} {
		route := learn.Route{Alias: "mine", Targets: []learn.RouteTarget{{Model: known, Weight: 1}}}
		tiers, err := b.Caller().Routed(t.Context(), b.Store.Queries, b.Tenant, route, "conv")
		if err != nil || tiers[0][0].Model != want {
			t.Errorf("%s: got %v, %v, want %s", known, tiers, err, want)
		}
	}
}
