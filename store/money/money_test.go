package money

import (
	"encoding/json"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

func TestParsePrice(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ unit, want int64 }{
		"0":                {Dollar, 0},
		"0.15":             {Dollar, 150_000_000},
		"0.0375":           {Dollar, 37_500_000},
		"12":               {Dollar, 12_000_000_000},
		"1.2e-05":          {Dollar, 12_000},
		"1E2":              {Dollar, 100_000_000_000},
		"0.0000000001":     {Dollar, 1}, // rounded up
		"549":              {Cent, 5_490_000_000},
		"0.5":              {7, 4},
		"9223372036.85477": {Dollar, 9_223_372_036_854_770_000},
	}
	for text, c := range cases {
		if got, err := ParsePrice(text, c.unit); err != nil || got != c.want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, c.want)
		}
	}
	for _, text := range notAmounts() {
		if got, err := ParsePrice(text, Dollar); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func notAmounts() []string {
	return []string{"", "-1", "1,5", "0x10", "1e999999999", "NaN", "1/3", " 1", "10000000000",
		"9223372036.8547758071", strings.Repeat("9", 40)}
}

func TestParseRoundsDown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]USD{"1.5": 1_500_000_000, "0.0000000019": 1, "0": 0, "1e2": 100 * Dollar} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range notAmounts() {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestWritten(t *testing.T) {
	t.Parallel()
	for amount, want := range map[USD]string{
		0: "0", 1: "0.000000001", 1_500_000_000: "1.5", 10_000_000_000: "10", -20: "-0.00000002",
		-1 << 63: "-9223372036.854775808",
	} {
		text, err := json.Marshal(amount)
		if err != nil || string(text) != want || amount.String() != want {
			t.Errorf("%d is written %s as JSON (%v) and %s as text, want %s", int64(amount), text, err, amount, want)
		}
	}
}

// TestReadAsWritten writes any amount, and reads it back from JSON and from YAML.
func TestReadAsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := USD(rapid.Int64Min(0).Draw(t, "nano-dollars"))
		asText := rapid.Bool().Draw(t, "as text")
		written := want.String()
		if asText {
			written = `"` + written + `"`
		}
		var fromJSON, fromYAML USD
		if err := json.Unmarshal([]byte(written), &fromJSON); err != nil || fromJSON != want {
			t.Errorf("JSON %s is read as %d (%v)", written, fromJSON, err)
		}
		if err := yaml.Unmarshal([]byte(written), &fromYAML); err != nil || fromYAML != want {
			t.Errorf("YAML %s is read as %d (%v)", written, fromYAML, err)
		}
	})
}

func TestBadAmountsAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"x"`, `-1`, `true`, `[]`, `{}`, `"1\u0030"x`, `""`} {
		var u USD
		if err := json.Unmarshal([]byte(text), &u); err == nil {
			t.Errorf("%s is read as %s", text, u)
		}
	}
	var u USD
	if err := yaml.Unmarshal([]byte("\n\nfree"), &u); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("the fault is %v", err)
	}
}
