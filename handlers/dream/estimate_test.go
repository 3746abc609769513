package dream_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"dreamlab/handlers/handlertest"
	"dreamlab/store/money"
	"dreamlab/tasks"
)

// A dry run expects what is then spent, within a factor of two, live and in batches.
func TestDryRunExpectsWhatIsSpent(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"live", "batch"} {
		b := handlertest.New(t)
		b.SetRoute(t, "base", "groq/openai/gpt-oss-20b")
		e := b.Start(t, nil)
		b.Import(t, e, orders(40))
		_, j := b.Dream(t, e, tasks.DreamInput{DryRun: true, Mode: mode}, nil)
		var result struct {
			DryRun struct {
				Cost     money.USD `json:"cost_usd"`
				Expected money.USD `json:"expected_usd"`
			} `json:"dry_run"`
		}
		if err := json.Unmarshal(j.Result, &result); err != nil {
			t.Fatal(err)
		}
		b.Dream(t, e, tasks.DreamInput{Mode: mode}, nil)
		_, nano := b.Paid()
		if expected := int64(result.DryRun.Expected); expected < nano/2 || expected > 2*nano || expected >= int64(result.DryRun.Cost) {
			t.Errorf("%s: %s expected, %d spent", mode, j.Result, nano)
		}
	}
}

func TestDryRunCallsNobody(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	b.Import(t, e, orders(7))
	d, job := b.Dream(t, e, tasks.DreamInput{DryRun: true}, nil)
	var result struct {
		DryRun struct {
			Experiences, Calls int
			CostUSD            json.Number `json:"cost_usd"`
		} `json:"dry_run"`
	}
	if err := json.Unmarshal(job.Result, &result); err != nil {
		t.Fatal(err)
	}
	if r := result.DryRun; r.Experiences != 7 || r.Calls != 56 || r.CostUSD == "" || r.CostUSD == "0" {
		t.Errorf("dream %s: %s", d.Status, job.Result)
	}
	calls, _ := b.Paid()
	if n, err := b.Store.FreshCount(t.Context(), b.Tenant, 100); err != nil || n != 7 || calls != 0 {
		t.Errorf("%d fresh, %d calls, %v", n, calls, err)
	}
}

// TestADryRunCountsTheBatch has more wait than a dream takes: what a dry run counts is what is sealed.
func TestADryRunCountsTheBatch(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	lines := bytes.NewBuffer(orders(30))
	for i := range 10 {
		lines.Write(line(100+i, false, fmt.Sprintf("Which order has kettle number %d?", i), "It has none.",
			map[string]any{"feedback": map[string]any{"rating": -1}}))
	}
	b.Import(t, e, lines.Bytes())
	_, estimated := b.Dream(t, e, tasks.DreamInput{DryRun: true, Limit: 8}, nil)
	var result struct {
		DryRun struct {
			Experiences int `json:"experiences"`
			Weak        int `json:"experiences_weak"`
		} `json:"dry_run"`
	}
	if err := json.Unmarshal(estimated.Result, &result); err != nil {
		t.Fatal(err)
	}
	d, _ := b.Dream(t, e, tasks.DreamInput{Limit: 8}, nil)
	if d.Counts.Experiences != 8 || d.Counts.Weak != 6 ||
		result.DryRun.Experiences != d.Counts.Experiences || result.DryRun.Weak != d.Counts.Weak {
		t.Errorf("estimated %s, sealed %+v", estimated.Result, d.Counts)
	}
}
