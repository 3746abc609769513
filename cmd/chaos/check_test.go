package main

import (
	"strings"
	"testing"
)

// whole is a history in which every promise was kept: a chat that was paid
// twice because its first worker died, and one that was cancelled in time.
func whole() (*history, loadNotes) {
	h := &history{
		jobs: map[string]jobRow{
			"job_a": {ID: "job_a", Tenant: "t", Kind: "chat.run", Lane: "chat", State: "succeeded", Result: true},
			"job_b": {ID: "job_b", Tenant: "t", Kind: "chat.run", Lane: "chat", State: "cancelled", CancelAt: 50},
			"job_c": {ID: "job_c", Kind: "schedule.tick", State: "succeeded", Input: `{"tick":1}`},
			"job_d": {ID: "job_d", Kind: "dream.slice", State: "succeeded", Input: `{"experiences":["exp_a"]}`, Subject: "drm_a"},
		},
		attempts: map[string][]attemptRow{"job_a": {
			{Job: "job_a", Epoch: 1, Started: 1, Ended: 20, Outcome: "crashed"},
			{Job: "job_a", Epoch: 2, Started: 30, Ended: 40, Outcome: "succeeded"},
		}},
		entries: map[string][]entryRow{"job_a": {
			{ID: "ent_1", Job: "job_a", Step: "answer", Epoch: 1, Provider: "v", Model: "m", State: "unknown", Cause: "lease expired"},
			{ID: "ent_2", Job: "job_a", Step: "answer", Epoch: 2, Provider: "v", Model: "m", State: "settled"},
		}},
		effects:     map[string][]effectRow{"job_a": {{Job: "job_a", Step: "answer", Epoch: 2, Entry: "ent_2"}}},
		experiences: []experienceRow{{ID: "exp_a", Job: "job_a", Dream: "drm_a"}},
		paid:        []payment{{Vendor: "v", Model: "m", Calls: 2}},
	}
	return h, loadNotes{counts: newTally(), promises: []promise{
		{job: "job_a", answered: true}, {job: "job_a", key: "k"}, {job: "job_b", cancelled: true},
	}}
}

func TestCheckFindsNothing(t *testing.T) {
	t.Parallel()
	h, n := whole()
	for _, v := range check(h, n) {
		t.Errorf("%+v", v)
	}
}

// TestCheckFindsEach breaks each promise in turn.
func TestCheckFindsEach(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		invariant string
		spoil     func(h *history, n *loadNotes)
	}{
		"lost":           {"I1", func(_ *history, n *loadNotes) { n.promises = append(n.promises, promise{job: "job_x"}) }},
		"two of one key": {"I1", func(_ *history, n *loadNotes) { n.promises = append(n.promises, promise{job: "job_b", key: "k"}) }},
		"open":           {"I1", func(h *history, _ *loadNotes) { h.change("job_b", func(j *jobRow) { j.State = "running" }) }},
		"answered, then failed": {"I1", func(h *history, _ *loadNotes) {
			h.change("job_a", func(j *jobRow) { j.State, j.Result = "failed", false })
		}},
		"no experience":  {"I2", func(h *history, _ *loadNotes) { h.experiences = nil }},
		"two of them":    {"I2", func(h *history, _ *loadNotes) { h.experiences = append(h.experiences, h.experiences[0]) }},
		"asked again":    {"I3", func(h *history, _ *loadNotes) { h.effects["job_a"][0].Epoch = 1 }},
		"answered twice": {"I3", func(h *history, _ *loadNotes) { h.entries["job_a"][0] = h.entries["job_a"][1] }},
		"never ended":    {"I4", func(h *history, _ *loadNotes) { h.entries["job_a"][0].State = "open" }},
		"no crash":       {"I4", func(h *history, _ *loadNotes) { h.attempts["job_a"][0].Outcome = "failed" }},
		"paid for nothing": {"I4", func(h *history, _ *loadNotes) {
			h.attempts["job_a"][0].Outcome = "failed"
			h.entries["job_a"][0].State, h.entries["job_a"][0].Cause = "settled", ""
		}},
		"billed too often": {"I4", func(h *history, _ *loadNotes) { h.paid[0].Calls = 3 }},
		"never billed":     {"I4", func(h *history, _ *loadNotes) { h.paid[0].Calls = 0 }},
		"tick twice": {"I5", func(h *history, _ *loadNotes) {
			h.jobs["job_e"] = jobRow{ID: "job_e", Kind: "schedule.tick", State: "succeeded", Input: `{"tick":1}`}
		}},
		"two slices": {"I6", func(h *history, _ *loadNotes) {
			h.jobs["job_e"] = jobRow{ID: "job_e", Kind: "dream.slice", State: "succeeded", Input: `{"experiences":["exp_a"]}`}
		}},
		"another dream": {"I6", func(h *history, _ *loadNotes) { h.experiences[0].Dream = "drm_x" }},
		"too many at once": {"I8", func(h *history, _ *loadNotes) {
			for range tenantCap {
				h.attempts["job_b"] = append(h.attempts["job_b"], attemptRow{Job: "job_b", Started: 2, Ended: 19})
			}
		}},
		"begun after": {"I9", func(h *history, _ *loadNotes) {
			h.attempts["job_b"] = []attemptRow{{Job: "job_b", Epoch: 1, Started: 51, Ended: 52}}
		}},
		"not cancelled": {"I9", func(h *history, _ *loadNotes) { h.change("job_b", func(j *jobRow) { j.State = "failed" }) }},
		"long poll": {"I10", func(h *history, _ *loadNotes) {
			h.jobs["job_e"] = jobRow{ID: "job_e", Kind: "tune.poll", State: "succeeded"}
			h.attempts["job_e"] = []attemptRow{{Ended: 2 * longestPoll, Outcome: "waiting"}}
		}},
	}
	for name, c := range cases {
		h, n := whole()
		c.spoil(h, &n)
		found := map[string]bool{}
		for _, v := range check(h, n) {
			found[v.invariant] = true
		}
		if !found[c.invariant] {
			t.Errorf("%s: %s was not found broken, only %v", name, c.invariant, found)
		}
	}
}

func (h *history) change(id string, change func(*jobRow)) {
	job := h.jobs[id]
	change(&job)
	h.jobs[id] = job
}

func TestReport(t *testing.T) {
	t.Parallel()
	h, n := whole()
	h.entries["job_a"][0].State = "open"
	faults := newTally()
	faults.add("kill -9 a worker")
	r := report{faults: faults, load: n, history: h, violations: check(h, n)}
	var out strings.Builder
	r.write(&out)
	for _, want := range []string{"kill -9 a worker", "chat.run succeeded", "I4", "ent_1 was never ended", "attempt {Job:job_a"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not hold %q:\n%s", want, &out)
		}
	}
}
