package providers_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dreamlab/providers"
)

func TestParseMoney(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		unit int64
		want int64
	}{
		"0":                {providers.Dollar, 0},
		"0.15":             {providers.Dollar, 150_000_000},
		"0.0375":           {providers.Dollar, 37_500_000},
		"12":               {providers.Dollar, 12_000_000_000},
		"1.2e-05":          {providers.Dollar, 12_000},
		"1E2":              {providers.Dollar, 100_000_000_000},
		"0.0000000001":     {providers.Dollar, 1}, // rounded up
		"549":              {providers.Cent, 5_490_000_000},
		"0.5":              {7, 4},
		"9223372036.85477": {providers.Dollar, 9_223_372_036_854_770_000},
	}
	for text, c := range cases {
		if got, err := providers.ParseMoney(text, c.unit); err != nil || got != c.want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, c.want)
		}
	}
	for _, text := range []string{"", "-1", "1,5", "0x10", "1e999999999", "NaN", "1/3", " 1", "10000000000",
		strings.Repeat("9", 40)} {
		if got, err := providers.ParseMoney(text, providers.Dollar); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestCostAgreesWithExactArithmetic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		any := rapid.Int64Range(0, 1<<40)
		rates := providers.Rates{In: any.Draw(t, "in"), CachedIn: any.Draw(t, "cached"), Out: any.Draw(t, "out")}
		usage := providers.Usage{Input: any.Draw(t, "input"), Output: any.Draw(t, "output")}
		usage.CachedInput = rapid.Int64Range(0, usage.Input).Draw(t, "cached input")
		sum := new(big.Int)
		for _, part := range [][2]int64{
			{usage.Input - usage.CachedInput, rates.In}, {usage.CachedInput, rates.CachedIn}, {usage.Output,
				rates.Out},
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
