package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// violation is a broken promise.
type violation struct {
	invariant string
	job       string // "" where it is nobody's alone
	text      string
}

// invariant is a promise, with what looks whether it was kept.
type invariant struct {
	name  string
	holds string
	check func(h *history, n loadNotes, broken func(job, format string, args ...any))
}

// invariants are what must hold whatever went wrong.
func invariants() []invariant {
	return []invariant{
		{"I1", "what was accepted came to an end, what was answered succeeded", checkEnds},
		{"I2", "a step has one stored answer, a chat one experience", checkAnswers},
		{"I3", "no call after a stored answer, one answered call an epoch", checkCalls},
		{"I4", "paid again only where the outcome was lost, and the books agree with the vendors", checkBooks},
		{"I5", "one job for each tick of a schedule", checkTicks},
		{"I6", "an experience is in one slice of one dream", checkDreams},
		{"I8", "a tenant's and a lane's jobs at once stay under their caps", checkCaps},
		{"I9", "nothing begins after a cancellation was confirmed", checkCancels},
		{"I10", "a poll holds no worker", checkPolls},
	}
}

// check returns what was broken, by invariant and job.
func check(h *history, n loadNotes) []violation {
	var all []violation
	for _, i := range invariants() {
		i.check(h, n, func(job, format string, args ...any) {
			all = append(all, violation{i.name, job, fmt.Sprintf(format, args...)})
		})
	}
	slices.SortFunc(all, func(a, b violation) int {
		return cmp.Or(cmp.Compare(a.invariant, b.invariant), cmp.Compare(a.job, b.job))
	})
	return all
}

type breaking = func(job, format string, args ...any)

func ended(state string) bool {
	return slices.Contains([]string{"succeeded", "failed", "cancelled", "expired"}, state)
}

func checkEnds(h *history, n loadNotes, broken breaking) {
	byKey := map[string]string{}
	for _, p := range n.promises {
		job, found := h.jobs[p.job]
		switch {
		case !found:
			broken(p.job, "it was accepted and is gone")
		case !ended(job.State):
			broken(p.job, "it is still %s", job.State)
		case p.answered && job.State != "succeeded":
			broken(p.job, "its client has the answer and it is %s", job.State)
		}
		if first := byKey[p.key]; p.key != "" && first != "" && first != p.job {
			broken(p.job, "one idempotency key made it and %s", first)
		}
		byKey[p.key] = p.job
	}
	for id, job := range h.jobs {
		if !ended(job.State) {
			broken(id, "it is still %s", job.State)
		}
	}
}

func checkAnswers(h *history, _ loadNotes, broken breaking) {
	kept := map[string]int{}
	for _, e := range h.experiences {
		kept[e.Job]++
	}
	for id, job := range h.jobs {
		if job.Kind != "chat.run" {
			continue
		}
		want := 0
		if job.State == "succeeded" {
			want = 1
		}
		if len(h.effects[id]) != want || kept[id] != want || job.Result != (want == 1) {
			broken(id, "%s with %d answers, %d experiences and a result: %t",
				job.State, len(h.effects[id]), kept[id], job.Result)
		}
	}
}

func checkCalls(h *history, _ loadNotes, broken breaking) {
	for job, entries := range h.entries {
		stored := map[string]int64{}
		for _, e := range h.effects[job] {
			stored[e.Step] = e.Epoch
		}
		answered := map[string]int{}
		for _, e := range entries {
			if at, found := stored[e.Step]; found && e.Epoch > at {
				broken(job, "step %s was asked in epoch %d although its answer is of epoch %d", e.Step, e.Epoch, at)
			}
			place := fmt.Sprint(e.Step, e.Epoch)
			if e.State == "settled" && e.Cause == "" {
				answered[place]++
			}
			if answered[place] > 1 {
				broken(job, "step %s was answered twice in epoch %d", e.Step, e.Epoch)
			}
		}
	}
}

func checkBooks(h *history, _ loadNotes, broken breaking) {
	for job, entries := range h.entries {
		paying := map[string]string{}
		for _, e := range h.effects[job] {
			paying[e.Step] = e.Entry
		}
		for _, e := range entries {
			outcome := h.outcomeAt(job, e.Epoch)
			switch {
			case e.State == "open":
				broken(job, "entry %s was never ended", e.ID)
			case e.State == "unknown" && e.Cause == "lease expired" && outcome != "crashed":
				broken(job, "entry %s lost its lease in an attempt that ended %q", e.ID, outcome)
			case e.State == "settled" && e.Cause == "" && paying[e.Step] != e.ID && outcome != "crashed":
				broken(job, "entry %s paid for nothing that was kept, in an attempt that ended %q", e.ID, outcome)
			}
		}
	}
	checkVendors(h, broken)
}

// checkVendors holds the books against the vendors' own count: what is settled
// was billed, and what was billed is settled or known to be unknown.
func checkVendors(h *history, broken breaking) {
	settled, unknown := map[string]int{}, map[string]int{}
	for _, entries := range h.entries {
		for _, e := range entries {
			model := e.Provider + "/" + e.Model
			switch e.State {
			case "settled":
				settled[model]++
			case "unknown":
				unknown[model]++
			}
		}
	}
	for _, p := range h.paid {
		model := p.Vendor + "/" + p.Model
		if least, most := settled[model], settled[model]+unknown[model]; p.Calls < least || p.Calls > most {
			broken("", "%s billed %d calls; the books have %d settled and %d unknown", model, p.Calls, least, unknown[model])
		}
	}
}

func checkTicks(h *history, _ loadNotes, broken breaking) {
	seen := map[string]string{}
	for id, job := range h.jobs {
		if job.Kind != "schedule.tick" {
			continue
		}
		if other := seen[job.Input]; other != "" {
			broken(id, "%s fires the same tick", other)
		}
		seen[job.Input] = id
	}
}

func checkDreams(h *history, _ loadNotes, broken breaking) {
	slice := map[string]string{}
	for id, job := range h.jobs {
		if job.Kind != "dream.slice" {
			continue
		}
		var in struct{ Experiences []string }
		if err := json.Unmarshal([]byte(job.Input), &in); err != nil {
			broken(id, "its input can not be read: %v", err)
		}
		for _, e := range in.Experiences {
			if other := slice[e]; other != "" {
				broken(id, "%s is in slice %s too", e, other)
			}
			slice[e] = id
		}
	}
	for _, e := range h.experiences {
		if in := slice[e.ID]; in != "" && e.Dream != "" && h.jobs[in].Subject != e.Dream {
			broken(in, "%s is sealed in %s", e.ID, e.Dream)
		}
	}
}

// edge is where an attempt begins or ends.
type edge struct {
	at  int64
	by  int
	job string
}

// checkCaps goes through the attempts in time. A tenant's cap holds exactly. A
// lane's window may be passed by accepts of several tenants at one time.
func checkCaps(h *history, _ loadNotes, broken breaking) {
	edges := map[string][]edge{}
	for job, attempts := range h.attempts {
		if h.jobs[job].Lane != "chat" {
			continue
		}
		for _, a := range attempts {
			tenant := h.jobs[job].Tenant
			edges[tenant] = append(edges[tenant], edge{a.Started, 1, job}, edge{a.Ended, -1, job})
		}
	}
	for tenant, list := range edges {
		slices.SortFunc(list, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.by, b.by)) })
		now := 0
		for _, e := range list {
			if now += e.by; now > tenantCap && e.by > 0 {
				broken(e.job, "%s has %d chats under way, its cap is %d", tenant, now, tenantCap)
				break
			}
		}
	}
}

func checkCancels(h *history, n loadNotes, broken breaking) {
	for _, p := range n.promises {
		if job := h.jobs[p.job]; p.cancelled && job.State != "cancelled" {
			broken(p.job, "its cancellation was confirmed and it is %s", job.State)
		}
	}
	for id, job := range h.jobs {
		for _, a := range h.attempts[id] {
			if job.CancelAt > 0 && a.Started > job.CancelAt {
				broken(id, "epoch %d began after its end was asked for", a.Epoch)
			}
		}
	}
}

// longestPoll bounds an attempt that only asks how far a vendor is.
const longestPoll = 60_000_000 // microseconds

func checkPolls(h *history, _ loadNotes, broken breaking) {
	for id, job := range h.jobs {
		for _, a := range h.attempts[id] {
			if job.Kind == "tune.poll" && a.Outcome == "waiting" && a.Ended-a.Started > longestPoll {
				broken(id, "epoch %d polled for %d s", a.Epoch, (a.Ended-a.Started)/1e6)
			}
		}
	}
}
