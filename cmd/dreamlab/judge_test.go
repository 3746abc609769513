package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestJudgeCheck measures the sandbox's lead on a file of pairs and, within a budget, on those of the program.
func TestJudgeCheck(t *testing.T) {
	t.Parallel()
	env := running(t)
	pairs := writeFile(t, "pairs.jsonl", `{"category":"spam","question":"What is the capital of Peru?","better":"The capital of Peru `+
		`is Lima.","worse":"Buy pills"}`+"\n"+`{"input":"Name a river in France.","output_1":"x","output_2":"A river in France: the `+
		`Loire.","label":2}`+"\n")
	got := invoke(t, env, "judge", "check", pairs)
	for _, part := range []string{"lead on 2 pairs", "agrees with the labels", "category llmbar", "it cost $"} {
		if got.code != exitOK || !strings.Contains(got.out, part) {
			t.Errorf("%q is not in %+v", part, got)
		}
	}
	got = invoke(t, env, "judge", "check", "--json", "--judge", "base", "--budget", "0.0005")
	var found struct {
		Judge          string
		Pairs, Skipped int
		CostUSD        json.Number `json:"cost_usd"`
		OverBudget     bool        `json:"over_budget"`
	}
	err := json.Unmarshal([]byte(got.out), &found)
	if cost, _ := found.CostUSD.Float64(); err != nil || found.Judge != "base" || found.Pairs+found.Skipped != 200 || !found.OverBudget ||
		cost <= 0 || cost > 0.0005 {
		t.Errorf("%+v, %v: %+v", found, err, got)
	}
	for _, wrong := range [][]string{{"--budget", "much"}, {"--at-once", "0"}} {
		if got := invoke(t, env, append([]string{"judge", "check"}, wrong...)...); got.code != exitUsage {
			t.Errorf("%v: %+v", wrong, got)
		}
	}
	if got := invoke(t, env, "judge", "check", writeFile(t, "none.jsonl", "{}")); got.code != exitFailed ||
		!strings.Contains(got.errs, "no known form") {
		t.Errorf("%+v", got)
	}
}
