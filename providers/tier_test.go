package providers_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
)

// tiers is a vendor whose tier "flex" is full for so many calls, and which notes what it
// was asked for.
type tiers struct {
	full  int
	asked []string
	fail  providers.Error
}

func (v *tiers) Spares(tier string) bool { return tier == "flex" }

func (v *tiers) Pooled() bool { return true }

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

// slowed returns prices in which the tier flex of the vendor "cheap" costs so many percent.
func slowed(t *testing.T, percent int64) *catalog.Catalog {
	t.Helper()
	prices := loadPrices(t)
	model, _ := prices.Find("cheap", "m")
	in, out := model.Prices[0].In*percent/100, model.Prices[0].Out*percent/100
	model.Prices[0].Flex = &providers.Rates{In: in, CachedIn: in, Out: out}
	prices.Register(model)
	return prices
}

// TestThriftyCallsTakeTheSlowerTier where that costs less and the driver knows it, of a
// model that is not tuned; else they are asked as all others. The reserved amount is that
// of the usual tier, which may answer in its place.
func TestThriftyCallsTakeTheSlowerTier(t *testing.T) {
	t.Parallel()
	plain := &actor{script: []step{says("x")}}
	for name, test := range map[string]struct {
		percent int64
		asked   string
		target  providers.Target
		driver  providers.Driver
		tier    string
		nano    int64
	}{
		"cheaper":          {50, "", at("cheap")[0], &tiers{}, "flex", 1000},
		"for as much":      {100, "", at("cheap")[0], &tiers{}, "", 2000},
		"asked otherwise":  {50, "priority", at("cheap")[0], &tiers{}, "priority", 4000},
		"a tuned model":    {50, "", providers.Target{Provider: "cheap", Model: "own", Priced: "m"}, &tiers{}, "", 2000},
		"an hourly one":    {50, "", providers.Target{Provider: "cheap", Model: "m", Hosted: true}, &tiers{}, "", 0},
		"without the tier": {50, "", at("cheap")[0], plain, "", 2000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			router := providers.NewRouter(providers.RouterOptions{
				Drivers: map[string]providers.Driver{"cheap": test.driver}, Prices: slowed(t, test.percent),
			})
			books := &books{}
			call := providers.Call{Thrifty: true, Tiers: [][]providers.Target{{test.target}}, Ledger: books}
			if test.asked != "" {
				call.Request.Options = map[string]json.RawMessage{"service_tier": []byte(`"` + test.asked + `"`)}
			}
			answer, err := router.Chat(t.Context(), call)
			if err != nil || answer.Target.Service != test.tier || answer.Nano != test.nano {
				t.Fatalf("%+v, %v: want the tier %q for %d", answer, err, test.tier, test.nano)
			}
			usual, err := router.Chat(t.Context(), providers.Call{Tiers: call.Tiers, Ledger: books})
			if err != nil || usual.Target.Service != "" || answer.Live != max(usual.Nano, answer.Nano) {
				t.Errorf("live it is said to cost %d: %+v, %v", answer.Live, usual, err)
			}
			if books.tries[0].ReservedNano < books.tries[1].ReservedNano {
				t.Errorf("reserved %d, and %d for the usual tier", books.tries[0].ReservedNano, books.tries[1].ReservedNano)
			}
			if call.Request.Options["service_tier"] != nil && test.asked == "" {
				t.Error("the caller's request was changed")
			}
		})
	}
}

// askThrifty asks the vendor "cheap" alone.
func askThrifty(t *testing.T, router *providers.Router) (*providers.Answer, error) {
	t.Helper()
	return router.Chat(t.Context(), providers.Call{Thrifty: true, Tiers: [][]providers.Target{at("cheap")}, Ledger: &books{}})
}

// TestAModelWithoutTheTier is asked as usual at once where its vendor says that it does not
// have the tier, and the tier is left alone for ten minutes.
func TestAModelWithoutTheTier(t *testing.T) {
	t.Parallel()
	for _, kind := range []providers.Kind{providers.KindUnsupported, providers.KindInvalid} {
		synctest.Test(t, func(t *testing.T) {
			vendor := &tiers{full: 100, fail: providers.Error{Kind: kind, Status: 400, Param: "service_tier"}}
			router := providers.NewRouter(providers.RouterOptions{
				Drivers: map[string]providers.Driver{"cheap": vendor}, Prices: slowed(t, 50),
			})
			for range 3 {
				if answer, err := askThrifty(t, router); err != nil || answer.Target.Service != "" || answer.Nano != 2000 {
					t.Fatalf("%s: %+v, %v", kind, answer, err)
				}
			}
			if !slices.Equal(vendor.asked, []string{"flex", "", "", ""}) {
				t.Errorf("%s: asked for %q", kind, vendor.asked)
			}
			time.Sleep(10 * time.Minute) // the bubble's clock
			vendor.full = 0
			if answer, err := askThrifty(t, router); err != nil || answer.Target.Service != "flex" {
				t.Errorf("%s: ten minutes later %+v, %v", kind, answer, err)
			}
		})
	}
}

// TestTheSlowerTierMayTakeItsTime answers after four minutes, which no other call is given.
// One that is silent for longer is left alone, and the next call takes the usual tier.
func TestTheSlowerTierMayTakeItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		vendor := &slow{after: 4 * time.Minute}
		router := providers.NewRouter(providers.RouterOptions{
			Drivers: map[string]providers.Driver{"cheap": vendor}, Prices: slowed(t, 50),
		})
		if answer, err := askThrifty(t, router); err != nil || answer.Target.Service != "flex" {
			t.Fatalf("%+v, %v", answer, err)
		}
		vendor.after = time.Hour
		var e *providers.Error
		if _, err := askThrifty(t, router); !errors.As(err, &e) || e.Kind != providers.KindTimeout {
			t.Errorf("silent for an hour: %v", err)
		}
		if answer, err := askThrifty(t, router); err != nil || answer.Target.Service != "" {
			t.Errorf("then %+v, %v", answer, err)
		}
	})
}

// slow is a vendor whose tier flex takes its time.
type slow struct {
	tiers
	after time.Duration
}

func (v *slow) Chat(ctx context.Context, req *providers.Request, sink providers.Sink) (*providers.Reply, error) {
	if providers.ServiceOf(req) == "flex" {
		select {
		case <-time.After(v.after):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return v.tiers.Chat(ctx, req, sink)
}
