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
