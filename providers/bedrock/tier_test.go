package bedrock_test

import (
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/bedrock/emulator"
	"dreamlab/providers/catalog"
	"dreamlab/providers/sandbox/lab"
)

// TestThriftyCallsAreBilledByTheirTier pays what Bedrock bills: half for flex by the catalogue, and the usual price
// where flex is full or the model is not offered in it.
func TestThriftyCallsAreBilledByTheirTier(t *testing.T) {
	t.Parallel()
	prices, err := catalog.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		model string
		full  bool
		tier  string
		tries int
	}{
		"flex":    {"openai.gpt-oss-120b-1:0", false, "flex", 1},
		"full":    {"openai.gpt-oss-120b-1:0", true, "", 2},
		"without": {scout, false, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := pricedLab(t, prices)
			if test.full {
				if err := l.AddFault(lab.Fault{Vendor: "bedrock", Kind: lab.FaultCapacity, Tier: "flex"}); err != nil {
					t.Fatal(err)
				}
			}
			router := providers.NewRouter(providers.RouterOptions{
				Drivers: map[string]providers.Driver{"bedrock": connect(t, emulator.New(l))}, Prices: prices,
			})
			got, err := router.Chat(t.Context(), providers.Call{
				Request: *request("hello"), Thrifty: true, Ledger: open{},
				Tiers: [][]providers.Target{{{Provider: "bedrock", Model: test.model}}},
			})
			if err != nil || got.Reply.Service != test.tier || got.Tries != test.tries {
				t.Fatalf("%+v, %v", got, err)
			}
			paid := l.Payments()
			if len(paid) != 1 || paid[0].Calls != 1 || paid[0].NanoUSD != got.Nano {
				t.Errorf("paid %+v, booked %d", paid, got.Nano)
			}
			if half := test.tier == "flex"; half != (got.Live == 2*got.Nano) || !half && got.Live != got.Nano {
				t.Errorf("booked %d, live %d", got.Nano, got.Live)
			}
		})
	}
}
