package groq_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/groq/emulator"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
)

// TestFlexThatIsFull asks once for flex and once on demand, and pays one answer.
func TestFlexThatIsFull(t *testing.T) {
	t.Parallel()
	l, err := lab.New(lab.Options{Credential: providertest.Key})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	once := 1
	if err := l.AddFault(lab.Fault{Vendor: "groq", Kind: lab.FaultCapacity, Times: &once}); err != nil {
		t.Fatal(err)
	}
	var tiers []string
	groq := emulator.New(l)
	driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var ask struct {
			ServiceTier string `json:"service_tier"`
		}
		if err := json.Unmarshal(body, &ask); err != nil {
			t.Error(err)
		}
		tiers = append(tiers, ask.ServiceTier)
		r.Body = io.NopCloser(bytes.NewReader(body))
		groq.ServeHTTP(w, r)
	}))
	prices, err := catalog.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	router := providers.NewRouter(providers.RouterOptions{Drivers: map[string]providers.Driver{"groq": driver}, Prices: prices})
	call := providers.Call{
		Request: *request(), Ledger: open{}, Tiers: [][]providers.Target{{{Provider: "groq", Model: "openai/gpt-oss-20b"}}},
	}
	call.Request.Options = map[string]json.RawMessage{"service_tier": []byte(`"flex"`)}
	got, err := router.Chat(t.Context(), call)
	if err != nil || got.Tries != 2 || len(tiers) != 2 || tiers[0] != "flex" || tiers[1] != "" {
		t.Fatalf("%+v, %v after the tiers %q", got, err, tiers)
	}
	if paid := l.Payments(); len(paid) != 1 || paid[0].Calls != 1 {
		t.Errorf("paid %+v", paid)
	}
}

// TestTiersThatGroqHas sends those, and leaves out the names that others have for theirs.
func TestTiersThatGroqHas(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]string{
		`"flex"`: `"flex"`, `"auto"`: `"auto"`, `"on_demand"`: `"on_demand"`, `"default"`: "", `"priority"`: "", `7`: "",
	} {
		var sent struct {
			Tier json.RawMessage `json:"service_tier"`
		}
		driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusBadRequest)
		}))
		req := request()
		req.Options = map[string]json.RawMessage{"service_tier": []byte(asked)}
		if _, err := driver.Chat(t.Context(), req, nil); err == nil {
			t.Error("no error")
		}
		if string(sent.Tier) != want {
			t.Errorf("%s is sent as %s, want %s", asked, sent.Tier, want)
		}
	}
}
