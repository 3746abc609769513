package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// whole is a history in which every promise was kept: a chat that was paid
// twice because its first worker died, one that was cancelled in time, a
// training whose creation was adopted, and a fair flood.
func whole() (*history, loadNotes) {
	h := newHistory()
	h.jobs = map[string]jobRow{
		"job_a": {ID: "job_a", Tenant: "t", Kind: "chat.run", Lane: "chat", State: "succeeded", Result: true, Trace: "tr"},
		"job_b": {ID: "job_b", Tenant: "t", Kind: "chat.run", Lane: "chat", State: "cancelled", Epoch: 1, CancelAt: 50, Finished: 60},
		"job_c": {ID: "job_c", Kind: "schedule.tick", State: "succeeded", Input: `{"tick":1}`},
		"job_d": {ID: "job_d", Kind: "dream.slice", State: "succeeded", Input: `{"experiences":["exp_a"]}`, Subject: "drm_a"},
		"job_p": {ID: "job_p", Kind: "tune.poll", State: "succeeded", Parent: "job_t"},
		"job_t": {ID: "job_t", Kind: "tune.start", State: "succeeded"},
	}
	h.attempts = map[string][]attemptRow{
		"job_a": {
			{Job: "job_a", Epoch: 1, Started: 1, Ended: 20, Outcome: "crashed"},
			{Job: "job_a", Epoch: 2, Started: 30, Ended: 40, Outcome: "succeeded"},
		},
		"job_b": {{Job: "job_b", Epoch: 1, Started: 45, Ended: 60, Outcome: "cancelled"}},
		"job_p": {
			{Job: "job_p", Epoch: 1, Started: 0, Ended: 1e5, Outcome: "waiting"},
			{Job: "job_p", Epoch: 2, Started: 100e6, Ended: 101e6, Outcome: "succeeded"},
		},
	}
	h.entries["job_a"] = []entryRow{
		{ID: "ent_1", Job: "job_a", Step: "answer", Epoch: 1, Provider: "v", Model: "m", Purpose: "chat",
			State: "unknown", Cause: leaseExpired, Created: 2},
		{ID: "ent_2", Job: "job_a", Step: "answer", Epoch: 2, Provider: "v", Model: "m", Purpose: "chat",
			State: "settled", Settled: 700, Created: 31},
	}
	h.entries["job_t"] = []entryRow{{ID: "ent_3", Job: "job_t", Step: "create", Purpose: "train", State: "settled"}}
	h.effects["job_a"] = []effectRow{{Job: "job_a", Step: "answer", Epoch: 2, Entry: "ent_2", Created: 40}}
	h.experiences = []experienceRow{{ID: "exp_a", Job: "job_a", Dream: "drm_a", Answer: `{"role":"assistant","content":"Yes, now."}`}}
	h.trainings = []trainingRow{{ID: "ftjob-1", Job: "job_t", Status: "succeeded", VendorID: "ft-1", Suffix: "dl-1"}}
	h.trained = []made{{ID: "ft-1", Suffix: "dl-1"}}
	h.endpoints = []made{{ID: "ep-1", Name: "s/dl-1"}}
	h.served = []served{{Vendor: "v", Name: "s/dl-1", Times: 1}}
	h.paid = []payment{{Vendor: "v", Model: "m", Calls: 2, Nano: 1300}, {Vendor: "v", Model: "fine-tune:m", Calls: 1}}
	h.visits = []visit{
		{ID: "1", Vendor: "v", Model: "m", Path: "/chat/completions", Trace: "tr", Billed: true, Nano: 600},
		{ID: "2", Vendor: "v", Model: "m", Path: "/chat/completions", Trace: "tr", Billed: true, Nano: 700},
	}
	h.batch()
	n := loadNotes{counts: newTally(), promises: []promise{
		{job: "job_a", answered: true}, {job: "job_a", key: "k"}, {job: "job_b", cancelled: true}, {job: "job_a", crash: true},
	}}
	n.shown = []shown{{job: "job_a", done: true, text: "Yes, now.", ids: []string{"2-1", "2-2.1", "2-2", "2-3"}}}
	n.floods = []flood{{name: "the flood", heavy: "h", light: "l", quiet: "q", weights: [2]int{3, 1}}}
	h.flood("h", 300, 0)
	h.flood("l", 300, 2)
	for i := range int64(minQuiet) {
		h.queue("q", i, 1000, 2000)
	}
	return h, n
}

// flood has a tenant's jobs all made at once, and begun one after the other,
// each some turns of a microsecond after the one before.
func (h *history) flood(tenant string, jobs int, skipped int64) {
	for i := range int64(jobs) {
		h.queue(tenant, i, 0, 4000+i*(1+skipped))
	}
}

// queue adds a chat that was queued for a while and then took no time.
func (h *history) queue(tenant string, number, created, begun int64) {
	id := fmt.Sprintf("job_%s%d", tenant, number)
	h.jobs[id] = jobRow{ID: id, Tenant: tenant, Kind: "chat.run", Lane: "chat", State: "succeeded", Result: true,
		Created: created, Finished: begun}
	h.attempts[id] = []attemptRow{{Job: id, Epoch: 1, Started: begun, Ended: begun, Outcome: "succeeded"}}
	h.effects[id] = []effectRow{{Job: id, Step: "answer", Epoch: 1, Created: begun}}
	h.experiences = append(h.experiences, experienceRow{ID: "exp_" + id, Job: id})
}

func (h *history) change(id string, change func(*jobRow)) {
	job := h.jobs[id]
	change(&job)
	h.jobs[id] = job
}

// drop takes jobs of a tenant out of the history.
func (h *history) drop(tenant string) {
	for id, job := range h.jobs {
		if job.Tenant == tenant {
			delete(h.jobs, id)
			delete(h.attempts, id)
		}
	}
}

func TestCheckFindsNothing(t *testing.T) {
	t.Parallel()
	h, n := whole()
	for _, f := range check(h, n, options{}) {
		if f.looked == 0 {
			t.Errorf("%s looked at nothing", f.name)
		}
		for _, v := range f.broken {
			t.Errorf("%+v", v)
		}
	}
}

type spoiling struct {
	invariant string
	spoil     func(h *history, n *loadNotes)
}

// TestCheckFindsEach breaks each promise in turn.
func TestCheckFindsEach(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, cases := range []map[string]spoiling{spoiltJobs(), spoiltBooks(), spoiltCreations(), spoiltShares(), spoiltStreams(), spoiltBatches()} {
		for name, c := range cases {
			h, n := whole()
			c.spoil(h, &n)
			found := map[string]int{}
			for _, f := range check(h, n, options{}) {
				found[f.name] = len(f.broken)
			}
			if found[c.invariant] == 0 {
				t.Errorf("%s: %s was not found broken, only %v", name, c.invariant, found)
			}
			tried[c.invariant] = true
		}
	}
	for _, i := range invariants() {
		if !tried[i.name] {
			t.Errorf("nothing breaks %s", i.name)
		}
	}
}

func spoiltJobs() map[string]spoiling {
	return map[string]spoiling{
		"lost":           {"I1", func(_ *history, n *loadNotes) { n.promises = append(n.promises, promise{job: "job_x"}) }},
		"two of one key": {"I1", func(_ *history, n *loadNotes) { n.promises = append(n.promises, promise{job: "job_b", key: "k"}) }},
		"open":           {"I1", func(h *history, _ *loadNotes) { h.change("job_b", func(j *jobRow) { j.State = "running" }) }},
		"answered, then failed": {"I1", func(h *history, _ *loadNotes) {
			h.change("job_a", func(j *jobRow) { j.State, j.Result = "failed", false })
		}},
		"no experience": {"I2", func(h *history, _ *loadNotes) { h.experiences = nil }},
		"two of them":   {"I2", func(h *history, _ *loadNotes) { h.experiences = append(h.experiences, h.experiences[0]) }},
		"tick twice": {"I5", func(h *history, _ *loadNotes) {
			h.jobs["job_e"] = jobRow{ID: "job_e", Kind: "schedule.tick", State: "succeeded", Input: `{"tick":1}`}
		}},
		"gone in a crash": {"I1 crash", func(_ *history, n *loadNotes) {
			n.promises = append(n.promises, promise{job: "job_x", crash: true})
		}},
		"two slices": {"I6", func(h *history, _ *loadNotes) { h.again("succeeded") }},
		"two slices, the first of a dream that failed with an answer": {"I6", func(h *history, _ *loadNotes) {
			h.again("failed")
			h.effects["job_d"] = []effectRow{{Job: "job_d", Step: "exp_a/judge"}}
		}},
		"another dream": {"I6", func(h *history, _ *loadNotes) { h.experiences[0].Dream = "drm_x" }},
		"begun after": {"I9", func(h *history, _ *loadNotes) {
			h.attempts["job_b"] = []attemptRow{{Job: "job_b", Epoch: 1, Started: 51, Ended: 52}}
		}},
		"called after": {"I9", func(h *history, _ *loadNotes) {
			h.entries["job_b"] = []entryRow{{Job: "job_b", Purpose: "chat", State: "void", Created: 61}}
		}},
		"stored after": {"I9", func(h *history, _ *loadNotes) {
			h.effects["job_b"] = []effectRow{{Job: "job_b", Created: 61}}
		}},
		"child after": {"I9", func(h *history, _ *loadNotes) {
			h.jobs["job_e"] = jobRow{ID: "job_e", Parent: "job_b", State: "cancelled", Created: 61}
		}},
		"cancelled late": {"I9 soon", func(h *history, _ *loadNotes) {
			h.change("job_b", func(j *jobRow) { j.Finished += 2 * maxCancelDelay.Microseconds() })
		}},
		"not cancelled": {"I9", func(h *history, _ *loadNotes) { h.change("job_b", func(j *jobRow) { j.State = "failed" }) }},
		"long poll": {"I10", func(h *history, _ *loadNotes) {
			h.attempts["job_p"][0].Ended = 2 * maxPoll
		}},
		"long without the clock's move": {"I10", func(h *history, _ *loadNotes) {
			h.attempts["job_p"][0].Ended, h.moves = 3*maxPoll, []move{{maxPoll, maxPoll / 2}}
		}},
		"poll that stays": {"I10", func(h *history, _ *loadNotes) { h.attempts["job_p"][0].Ended = 2 * usualPoll }},
	}
}

func spoiltBooks() map[string]spoiling {
	return map[string]spoiling{
		"asked again":       {"I3", func(h *history, _ *loadNotes) { h.effects["job_a"][0].Epoch = 1 }},
		"asked when stored": {"I3", func(h *history, _ *loadNotes) { h.effects["job_a"][0].Created = 30 }},
		"answered twice":    {"I3", func(h *history, _ *loadNotes) { h.entries["job_a"][0] = h.entries["job_a"][1] }},
		"never ended":       {"I4", func(h *history, _ *loadNotes) { h.entries["job_a"][0].State = "open" }},
		"no crash":          {"I4", func(h *history, _ *loadNotes) { h.attempts["job_a"][0].Outcome = "failed" }},
		"no reason":         {"I4", func(h *history, _ *loadNotes) { h.entries["job_a"][0].Cause = "invalid" }},
		"left open": {"I4", func(h *history, _ *loadNotes) {
			h.entries["job_a"][0].Cause, h.entries["job_a"][0].Epoch = "left open", 2
		}},
		"paid for nothing": {"I4", func(h *history, _ *loadNotes) {
			h.attempts["job_a"][0].Outcome = "failed"
			h.entries["job_a"][0].State, h.entries["job_a"][0].Cause = "settled", ""
		}},
		"doubled":            {"I4 money", func(h *history, _ *loadNotes) { h.entries["job_a"][1].Settled *= 2 }},
		"a nano-dollar less": {"I4 money", func(h *history, _ *loadNotes) { h.entries["job_a"][1].Settled-- }},
		"one bill for two":   {"I4 money", func(h *history, _ *loadNotes) { h.entries["job_a"][0] = h.entries["job_a"][1] }},
		"another sum":        {"I4 money", func(h *history, _ *loadNotes) { h.paid[0].Nano++ }},
		"asked without a line": {"I4 bills", func(h *history, _ *loadNotes) {
			h.visits = append(h.visits, visit{ID: "3", Vendor: "v", Model: "m", Path: "/chat/completions", Trace: "tr"})
		}},
		"billed too often":  {"I4 bills", func(h *history, _ *loadNotes) { h.entries["job_a"][0].State = "void" }},
		"never billed":      {"I4 bills", func(h *history, _ *loadNotes) { h.visits = nil }},
		"another count":     {"I4 bills", func(h *history, _ *loadNotes) { h.paid[0].Calls = 3 }},
		"lost for no fault": {"I4 bills", func(h *history, _ *loadNotes) { h.entries["job_a"][0].Cause = "server" }},
	}
}

func spoiltStreams() map[string]spoiling {
	of := func(spoil func(s *shown)) spoiling {
		return spoiling{"I11", func(_ *history, n *loadNotes) { spoil(&n.shown[0]) }}
	}
	return map[string]spoiling{
		"a zombie's chunk":   of(func(s *shown) { s.ids[3] = "1-3" }),
		"a chunk is missing": of(func(s *shown) { s.ids = append(s.ids[:2], s.ids[3:]...) }),
		"the first is":       of(func(s *shown) { s.ids = s.ids[1:] }),
		"out of order":       of(func(s *shown) { s.ids[1], s.ids[2] = s.ids[2], s.ids[1] }),
		"no id":              of(func(s *shown) { s.ids[1] = "now" }),
		"no end":             of(func(s *shown) { s.done = false }),
		"two ends":           of(func(s *shown) { s.failed = true }),
		"more than its end":  of(func(s *shown) { s.after = true }),
		"other words":        of(func(s *shown) { s.text = "Yes." }),
		"nobody looked":      {"I11", func(_ *history, n *loadNotes) { n.shown = nil }},
	}
}

// again has another dream take the experience of the first, which ended so.
func (h *history) again(first string) {
	h.jobs["job_f"] = jobRow{ID: "job_f", Kind: "dream.plan", State: first, Subject: "drm_a"}
	h.jobs["job_e"] = jobRow{ID: "job_e", Kind: "dream.slice", State: "succeeded", Subject: "drm_b",
		Input: `{"experiences":["exp_a"]}`}
	h.experiences[0].Dream = "drm_b"
}

// TestGivenBack has experiences dreamt of again that a dream rightly gave back.
func TestGivenBack(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(h *history){
		"its dream failed": func(h *history) { h.again("failed") },
		"its slice failed": func(h *history) { h.again("succeeded"); h.change("job_d", func(j *jobRow) { j.State = "failed" }) },
		"its slice left it": func(h *history) {
			h.again("succeeded")
			h.change("job_d", func(j *jobRow) { j.SliceResult = `{"left":["exp_a"]}` })
		},
	} {
		h, n := whole()
		change(h)
		f := finding{}
		lookAtDreams(h, n, &f)
		if len(f.broken) > 0 {
			t.Errorf("%s: %v", name, f.broken)
		}
	}
}

func spoiltShares() map[string]spoiling {
	return map[string]spoiling{
		"equal shares": {"I7", func(h *history, _ *loadNotes) {
			h.drop("l")
			h.flood("l", 300, 0)
		}},
		"a quiet one waits": {"I7", func(h *history, _ *loadNotes) {
			for i := range int64(2) {
				h.queue("q", i, 4000, 4001+maxQuiet.Microseconds())
			}
		}},
		"too many at once": {"I8", func(h *history, _ *loadNotes) {
			for range tenantCap {
				h.attempts["job_b"] = append(h.attempts["job_b"], attemptRow{Job: "job_b", Started: 2, Ended: 19})
			}
		}},
	}
}

// TestSpan has the clock moved while something lasts: that took no time.
func TestSpan(t *testing.T) {
	t.Parallel()
	h := &history{moves: []move{{at: 10, by: 65}}}
	for _, c := range []struct{ from, to, want int64 }{{0, 100, 35}, {0, 9, 9}, {80, 100, 20}} {
		if got := h.span(c.from, c.to); got != c.want {
			t.Errorf("from %d to %d it took %d, not %d", c.from, c.to, got, c.want)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	h, n := whole()
	h.entries["job_a"][0].State = "open"
	w := &faultCounts{played: newTally(), missed: newTally(), rested: time.Second}
	w.played.add("kill -9 a worker")
	w.missed.add("die at: claimed")
	r := report{options: options{length: 2 * time.Minute}, faultCounts: w, load: n, history: h, findings: check(h, n, options{})}
	var out strings.Builder
	r.write(&out)
	wants := []string{"kill -9 a worker", "chat.run succeeded", "I4", "ent_1 was never ended", "attempt {Job:job_a",
		"1 more found no work", "PostgreSQL: away for 24s", "I7: the flood: 280 to 94 by weights 3 to 1"}
	for _, want := range wants {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not hold %q:\n%s", want, &out)
		}
	}
	if r.broken() != 2 { // the books, and the bills against them
		t.Errorf("%d promises are broken, not 2", r.broken())
	}
}

func TestOutage(t *testing.T) {
	t.Parallel()
	for length, want := range map[time.Duration]time.Duration{
		2 * time.Minute: 24 * time.Second, 5 * time.Minute: time.Minute, time.Hour: maxOutage,
	} {
		if got := outage(length); got != want {
			t.Errorf("in %s it is %s, not %s", length, got, want)
		}
	}
}

// TestDeck deals: every fault comes before any comes again, in the seed's order.
func TestDeck(t *testing.T) {
	t.Parallel()
	deal := func(seed uint64) []string {
		d := newDeck(&lab{redis: &server{}, postgres: &server{}}, time.Minute, seed)
		var names []string
		for range 2 * len(faults(time.Minute)) {
			f, release := d.draw()
			release()
			names = append(names, f.name)
		}
		return names
	}
	once := map[string]bool{}
	dealt := deal(1)
	for _, name := range dealt[:len(dealt)/2] {
		once[name] = true
	}
	if len(once) != len(dealt)/2 {
		t.Errorf("%d of %d faults came first", len(once), len(dealt)/2)
	}
	if fmt.Sprint(dealt) != fmt.Sprint(deal(1)) || fmt.Sprint(dealt) == fmt.Sprint(deal(2)) {
		t.Error("the order is not the seed's")
	}
}

func TestWitness(t *testing.T) {
	t.Parallel()
	log := make([]visit, logSize+2)
	for i := range log {
		log[i].ID = fmt.Sprint(i)
	}
	w := newWitness()
	for _, part := range [][]visit{log[:10], log[1:logSize], log[2 : logSize+2]} {
		if err := w.take(part); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.visits()) != len(log) {
		t.Errorf("%d visits, not %d", len(w.visits()), len(log))
	}
	for i := range log {
		log[i].ID += "b"
	}
	w.takeServed([]made{{ID: "ep-1"}, {ID: "ep-2"}})
	w.takeServed([]made{{ID: "ep-2"}})
	if len(w.endpoints()) != 2 {
		t.Errorf("%d endpoints were served", len(w.endpoints()))
	}
	if w.take(log[:logSize]) == nil {
		t.Error("a gap was not noticed")
	}
}
