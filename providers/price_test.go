package providers_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dreamlab/providers"
)

func TestCostAgreesWithExactArithmetic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		any := rapid.Int64Range(0, 1<<40)
		rates := providers.Rates{In: any.Draw(t, "in"), CachedIn: any.Draw(t, "cached"), Out: any.Draw(t, "out")}
		rates.CacheWrite = 1 + any.Draw(t, "cache write")
		usage := providers.Usage{Input: any.Draw(t, "input"), Output: any.Draw(t, "output")}
		usage.CachedInput = rapid.Int64Range(0, usage.Input).Draw(t, "cached input")
		usage.CacheWrite = rapid.Int64Range(0, usage.Input-usage.CachedInput).Draw(t, "written")
		sum := new(big.Int)
		for _, part := range [][2]int64{
			{usage.Input - usage.CachedInput - usage.CacheWrite, rates.In}, {usage.CachedInput, rates.CachedIn},
			{usage.CacheWrite, rates.CacheWrite}, {usage.Output, rates.Out},
		} {
			sum.Add(sum, new(big.Int).Mul(big.NewInt(part[0]), big.NewInt(part[1])))
		}
		sum.Add(sum, big.NewInt(999_999)).Quo(sum, big.NewInt(1_000_000))
		want := int64(math.MaxInt64)
		if sum.IsInt64() {
			want = sum.Int64()
		}
		if got := rates.Cost(usage); got != want {
			t.Fatalf("%+v at %+v costs %d, want %d", usage, rates, got, want)
		}
	})
}

func TestCostOfNonsense(t *testing.T) {
	t.Parallel()
	rates := providers.Rates{In: 1_000_000, CachedIn: 500_000, Out: 1_000_000}
	for _, usage := range []providers.Usage{{Input: -5, Output: -5}, {}, {CachedInput: 9}} {
		if got := rates.Cost(usage); got != 0 {
			t.Errorf("%+v costs %d, want 0", usage, got)
		}
	}
}

func TestWhatIsWrittenToACacheWithoutARateOfItsOwnIsInput(t *testing.T) {
	t.Parallel()
	rates := providers.Rates{In: 2_000_000, CachedIn: 500_000, Out: 1_000_000}
	if got := rates.Cost(providers.Usage{Input: 10, CacheWrite: 4}); got != 20 {
		t.Errorf("costs %d, want 20", got)
	}
	if got := rates.Cost(providers.Usage{Input: 10, CachedInput: 8, CacheWrite: 9}); got != 8 {
		t.Errorf("more written than there is costs %d, want 8", got)
	}
}

func TestInputBoundIsGenerous(t *testing.T) {
	t.Parallel()
	text := &providers.Request{Messages: []providers.Message{
		providers.TextMessage("user", strings.Repeat("дом кот 犬 ", 100)),
	}}
	if got := providers.InputBound(text); got < 700 { // more than a token for each letter's cluster
		t.Errorf("bound %d for 300 foreign words", got)
	}
	image := &providers.Request{Messages: []providers.Message{
		{Role: "user", Content: []byte(`[{"type":"image_url","image_url":{"url":"https://x/y"}}]`)},
	}}
	if got := providers.InputBound(image); got < 2500 {
		t.Errorf("bound %d for a picture", got)
	}
}
