package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBenchDay prices a day of the sample, and of a file, without a database or a vendor.
func TestBenchDay(t *testing.T) {
	t.Parallel()
	got := invoke(t, nil, "bench", "--load", "day")
	for _, part := range []string{"PLAN", "all live, at the lead model", "100.0 %", "dreams in batches", "The goal"} {
		if got.code != exitOK || !strings.Contains(got.out, part) {
			t.Errorf("code %d, %q is not shown:\n%s%s", got.code, part, got.out, got.errs)
		}
	}
	if again := invoke(t, nil, "bench", "--load", "day"); again.out != got.out {
		t.Error("the same day costs something else")
	}
	file := filepath.Join(t.TempDir(), "day.jsonl")
	if err := os.WriteFile(file, []byte(`{"question":"a","answer":"b"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var found pricedDay
	printed := invoke(t, nil, "bench", "--load", "day", "--data", file, "--json")
	if err := json.Unmarshal([]byte(printed.out), &found); err != nil || found.Chats != 1 || found.Dreams != 3 || len(found.Plans) != 6 {
		t.Errorf("%v: %s%s", err, printed.out, printed.errs)
	}
	for i, plan := range found.Plans {
		if i > 0 && plan.Total > found.Plans[0].Total {
			t.Errorf("%s costs more than the first", plan.Name)
		}
	}
	if got := invoke(t, nil, "bench", "--load", "day", "--data", file+"x"); got.code != exitFailed {
		t.Errorf("without the file: code %d", got.code)
	}
}
