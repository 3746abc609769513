package main

import (
	"encoding/json"
	"strings"
	"testing"

	"dreamlab/cmd/internal/cli/show"
)

// TestUsageShowsReturns has what examples returned below the sums, in a table alone.
func TestUsageShowsReturns(t *testing.T) {
	t.Parallel()
	raw := json.RawMessage(`{"data":[{"group":"chat","calls":2,"settled":0.5}],"total":{"group":"","calls":2,"settled":0.5},
		"returns":[{"source":"imagined","rows":7,"tunes":2,"cost_usd":1.5,"points":0.75,"usd_per_point":2}]}`)
	for form, told := range map[show.Form]bool{show.Table: true, show.CSV: false} {
		var out strings.Builder
		v := usageShowVerb{By: "purpose"}
		v.Output = form
		if err := v.write(shell{out: &out}, raw); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "chat") || strings.Contains(out.String(), "imagined") != told {
			t.Errorf("as %s: %s", form, out.String())
		}
	}
}

// TestUsageShowsAnticipation has what anticipation spent and saved below the sums, and nothing of it where no dream has
// anticipated.
func TestUsageShowsAnticipation(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[string][]string{
		`{"answers":7,"hits":3,"hits_per_answer":0.43,"cost_usd":0.0125,"saved_usd":0.0625,"note":null}`: {
			"ANTICIPATED ANSWERS", "0.43", "0.0125", "0.0625",
		},
		`null`: nil,
	} {
		var out strings.Builder
		raw := json.RawMessage(`{"data":[],"total":{"group":"","calls":0,"settled":0},"returns":[],"anticipation":` + ahead + `}`)
		v := usageShowVerb{By: "purpose"}
		v.Output = show.Table
		if err := v.write(shell{out: &out}, raw); err != nil {
			t.Fatal(err)
		}
		if want == nil && strings.Contains(out.String(), "ANTICIPATED") {
			t.Errorf("%s: %s", ahead, out.String())
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: no %q in %s", ahead, text, out.String())
			}
		}
	}
}
