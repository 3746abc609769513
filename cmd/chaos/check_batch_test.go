package main

import (
	"fmt"
	"strings"
	"testing"
)

// batch adds a batch of a file: a line failed, the order of another was lost, and that was
// asked for live.
func (h *history) batch() {
	h.jobs["job_n"] = jobRow{ID: "job_n", Kind: "batch.run", State: "succeeded"}
	h.jobs["job_m"] = jobRow{ID: "job_m", Kind: "batch.live", State: "succeeded", Parent: "job_n", Trace: "later"}
	h.batches = []batchRow{{ID: "batch_a", Job: "job_n", Status: "completed", File: "file-a", Output: "file-o", Errors: "file-e",
		Total: batchLines, Completed: batchLines - 1, Failed: 1}, {ID: "batch_d", Job: "job_o", Status: "completed"}}
	h.jobs["job_o"] = jobRow{ID: "job_o", Kind: "batch.run", State: "succeeded"}
	h.entries["job_o"] = []entryRow{{ID: "ent_o", Job: "job_o", Step: "line-1", Provider: "v", Model: "b", State: "settled", Settled: 5}}
	h.effects["job_q"] = []effectRow{{Job: "job_q", Step: "exp_q/critique", Entry: "ent_o"}}
	of := func(step, state, cause string, nano int64) {
		h.entries["job_n"] = append(h.entries["job_n"], entryRow{ID: "ent_" + step + state, Job: "job_n", Step: step, Provider: "v",
			Model: "b", Purpose: "batch", State: state, Cause: cause, Settled: nano})
	}
	for i := range batchLines - 1 {
		h.results["file-o"] = append(h.results["file-o"], fmt.Sprint("b-", i))
	}
	h.results["file-e"] = []string{"b-last"}
	of("line-1", "settled", "", 10)
	of("line-2", "unknown", leaseExpired, 0)
	of("line-3", "void", "invalid", 0)
	h.attempts["job_n"] = []attemptRow{{Job: "job_n", Outcome: "crashed"}}
	h.entries["job_m"] = []entryRow{{ID: "ent_live", Job: "job_m", Step: "line-2", Provider: "v", Model: "b", Purpose: "batch",
		State: "settled", Settled: 20}}
	h.effects["job_m"] = []effectRow{{Job: "job_m", Step: "line-2", Entry: "ent_live"}}
	h.visits = append(h.visits, visit{ID: "3", Vendor: "v", Model: "b", Path: "/chat/completions", Trace: "later", Billed: true, Nano: 20})
	h.paid = append(h.paid, payment{Vendor: "v", Model: "b", Calls: 3, Nano: 35, Lines: 2, LineNano: 15})
}

func spoiltBatches() map[string]spoiling {
	lines := func(spoil func(h *history)) spoiling {
		return spoiling{"I12", func(h *history, _ *loadNotes) { spoil(h) }}
	}
	paid := func(spoil func(h *history)) spoiling {
		return spoiling{"I12 lines", func(h *history, _ *loadNotes) { spoil(h) }}
	}
	settle := func(h *history, i int) { h.entries["job_n"][i].State, h.entries["job_n"][i].Cause = "settled", "" }
	return map[string]spoiling{
		"a line is lost": lines(func(h *history) { h.results["file-o"] = h.results["file-o"][1:] }),
		"a line has two results": lines(func(h *history) {
			h.results["file-o"][0] = "b-last"
		}),
		"it is not complete":                      lines(func(h *history) { h.batches[0].Status = "expired" }),
		"it counts otherwise":                     lines(func(h *history) { h.batches[0].Failed = 0 }),
		"a dream has no use of what was answered": lines(func(h *history) { delete(h.effects, "job_q") }),
		"a line is paid in its order and live":    paid(func(h *history) { settle(h, 1); h.paid[2].Lines++ }),
		"a line is paid in two orders": paid(func(h *history) {
			h.entries["job_n"][2].Step = "line-1"
			settle(h, 2)
			h.paid[2].Lines++
		}),
		"a line is billed that is not in the books": paid(func(h *history) { h.paid[2].Lines = 4 }),
		"a line is settled that was not billed":     paid(func(h *history) { h.paid[2].Lines = 0 }),
		"it was billed at another price":            paid(func(h *history) { h.paid[2].LineNano = 16 }),
		"the entry of a line stays open":            paid(func(h *history) { h.entries["job_n"][2].State = "open" }),
	}
}

// TestCustomIDs reads the lines of a file of results, and tells of one that is cut.
func TestCustomIDs(t *testing.T) {
	t.Parallel()
	const text = `{"custom_id":"a","response":{}}` + "\n" + `{"custom_id":"b","error":{}}` + "\n"
	if ids, err := customIDs(strings.NewReader(text)); err != nil || fmt.Sprint(ids) != "[a b]" {
		t.Errorf("%v, %v", ids, err)
	}
	if _, err := customIDs(strings.NewReader(text[:40])); err == nil {
		t.Error("a cut file is read as a whole one")
	}
}
