package providers_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
)

// tiers is a vendor whose tier "flex" is full for so many calls, and which notes what it
// was asked for.
type tiers struct {
	full  int
	asked []string
	fail  providers.Error
}

func (v *tiers) Spares(tier string) bool { return tier == "flex" }

func (v *tiers) Models(context.Context) ([]providers.ModelInfo, error) { return nil, nil }

func (v *tiers) Chat(ctx context.Context, req *providers.Request, sink providers.Sink) (*providers.Reply, error) {
	tier := providers.ServiceOf(req)
	v.asked = append(v.asked, tier)
	if tier == "flex" && v.full > 0 {
		v.full--
		return failsWith(v.fail)(ctx, sink)
	}
	reply, err := says("x")(ctx, sink)
	reply.Service = tier
	return reply, err
}

func askTier(t *testing.T, router *providers.Router, tier string) *providers.Answer {
	t.Helper()
	call := providers.Call{Tiers: [][]providers.Target{at("cheap"), at("dear")}, Ledger: &books{}}
	call.Request.Options = map[string]json.RawMessage{"service_tier": []byte(`"` + tier + `"`)}
	answer, err := router.Chat(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestAFullTierGivesWayToTheUsualOne asks the same target once more, at once, and while the
// tier stays full it is left alone.
func TestAFullTierGivesWayToTheUsualOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := providers.Error{Kind: providers.KindCapacity, Status: 498}
		vendor, other := &tiers{full: 5, fail: full}, &actor{script: []step{says("d")}}
		router := providers.NewRouter(providers.RouterOptions{
			Drivers: map[string]providers.Driver{"cheap": vendor, "dear": other}, Prices: loadPrices(t),
		})
		began := time.Now()
		for i := range 8 {
			if answer := askTier(t, router, "flex"); answer.Target.Provider != "cheap" || answer.Target.Service != "" {
				t.Fatalf("call %d was answered by %+v", i, answer.Target)
			}
		}
		if len(vendor.asked) != 5*2+3 || other.calls != 0 || time.Since(began) != 0 {
			t.Errorf("asked for %q in %v: want five times flex, and on-demand alone from then on", vendor.asked, time.Since(began))
		}
		time.Sleep(10 * time.Second) // the bubble's clock
		askTier(t, router, "flex")
		if answer := askTier(t, router, "flex"); answer.Tries != 1 || answer.Target.Service != "flex" {
			t.Errorf("after the tier had room again: %+v", answer)
		}
	})
}

// TestOtherFailuresOfATierGoTheirOwnWay leaves the tier of the call as it is.
func TestOtherFailuresOfATierGoTheirOwnWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		vendor := &tiers{full: 1, fail: providers.Error{Kind: providers.KindRateLimit, RetryAfter: time.Minute}}
		router := providers.NewRouter(providers.RouterOptions{
			Drivers: map[string]providers.Driver{"cheap": vendor, "dear": &actor{script: []step{says("d")}}},
			Prices:  loadPrices(t),
		})
		if answer := askTier(t, router, "flex"); answer.Target.Provider != "dear" || len(vendor.asked) != 1 {
			t.Errorf("answered by %+v after %q", answer.Target, vendor.asked)
		}
	})
}

// TestTheTierThatAnswersIsPaid books what the answer names: flex has a price here, the price
// of priority is not known.
func TestTheTierThatAnswersIsPaid(t *testing.T) {
	t.Parallel()
	prices := loadPrices(t)
	model, _ := prices.Find("cheap", "m")
	model.Prices[0].Flex = &providers.Rates{In: 50_000_000, CachedIn: 50_000_000, Out: 100_000_000}
	prices.Register(model)
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: map[string]providers.Driver{"cheap": &tiers{}, "dear": &tiers{}}, Prices: prices,
	})
	for tier, want := range map[string]int64{"default": 2000, "flex": 1000, "priority": 4000} {
		if answer := askTier(t, router, tier); answer.Nano != want {
			t.Errorf("%s costs %d nano-dollars, want %d", tier, answer.Nano, want)
		}
	}
}
