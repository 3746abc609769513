package main

import (
	"cmp"
	"slices"
	"time"
)

// edge is the start or the end of an attempt.
type edge struct {
	at  int64
	by  int
	job string
}

func sortEdges(edges []edge) {
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.by, b.by)) })
}

// lookAtCaps goes through the attempts in the order of time.
func lookAtCaps(h *history, n loadNotes, f *finding) {
	caps := map[string]int{}
	for _, flood := range n.floods {
		caps[flood.heavy], caps[flood.light] = floodCap, floodCap
	}
	edges := map[string][]edge{}
	for job, attempts := range h.attempts {
		if h.jobs[job].Lane != "chat" {
			continue
		}
		for _, a := range attempts {
			f.see()
			tenant := h.jobs[job].Tenant
			edges[tenant] = append(edges[tenant], edge{a.Started, 1, job}, edge{a.Ended, -1, job})
		}
	}
	most := 0
	for tenant, list := range edges {
		limit := cmp.Or(caps[tenant], tenantCap)
		sortEdges(list)
		now := 0
		for _, e := range list {
			now += e.by
			if limit == tenantCap {
				most = max(most, now)
			}
			if now > limit && e.by > 0 {
				f.breaks(e.job, "%s has %d chats under way, its cap is %d", tenant, now, limit)
				break
			}
		}
	}
	f.say("at most %d at once under a cap of %d", most, tenantCap)
}

const (
	// fairness is the tolerated distance of a share from its weight, in hundredths.
	fairness = 10
	// minBegun is the number of jobs that have to begin while both tenants have queued jobs.
	minBegun = 100
	// minQuiet is how many chats of a quiet tenant it takes to tell how most of them wait.
	minQuiet = 3
	// maxQuiet is how long a quiet tenant's chat may be queued, in nineteen of twenty cases.
	maxQuiet = 2 * time.Second
)

// lookAtFloods measures shares while both tenants of a flood had jobs in the queue.
func lookAtFloods(h *history, n loadNotes, f *finding) {
	for _, flood := range n.floods {
		from, to := h.contended(flood.heavy, flood.light)
		heavy, light := h.begun(flood.heavy, from, to), h.begun(flood.light, from, to)
		all := heavy + light
		if all < minBegun {
			f.say("%s: only %d jobs began while both were queued", flood.name, all)
			continue
		}
		f.see()
		want := all * flood.weights[0] / (flood.weights[0] + flood.weights[1])
		took := time.Duration(h.span(from, to)) * time.Microsecond
		f.say("%s: %d to %d by weights %d to %d, in %s", flood.name, heavy, light,
			flood.weights[0], flood.weights[1], took.Round(100*time.Millisecond))
		// A window of jobs was on its way to a worker at either end.
		if off := max(heavy-want, want-heavy); off > want*fairness/100+window {
			f.breaks("", "%s: of %d jobs that began %d were the heavier tenant's, not %d", flood.name, all, heavy, want)
		}
		if flood.quiet != "" {
			h.lookAtQuiet(flood, from, to, f)
		}
	}
}

func (h *history) lookAtQuiet(flood flood, from, to int64, f *finding) {
	quiet := h.waits(flood.quiet, from, to)
	if len(quiet) < minQuiet {
		f.say("%s: only %d chats of a quiet tenant came while both were queued", flood.name, len(quiet))
		return
	}
	late := quiet[len(quiet)-1-max(1, len(quiet)/20)] // one chat may have been hit by a fault
	f.say("%s: of %d chats of a quiet tenant all but one in twenty, or one, began within %s",
		flood.name, len(quiet), late.Round(time.Millisecond))
	if late > maxQuiet {
		f.breaks("", "%s: a quiet tenant's chats waited for %s", flood.name, late)
	}
}

// waits returns, sorted, the times in the queue of the chats that were made in a period.
func (h *history) waits(tenant string, from, to int64) []time.Duration {
	var all []time.Duration
	for id, job := range h.jobs {
		if job.Tenant == tenant && job.Kind == "chat.run" && job.Created >= from && job.Created <= to {
			all = append(all, time.Duration(h.span(job.Created, h.firstBegun(id)))*time.Microsecond)
		}
	}
	slices.Sort(all)
	return all
}

// firstBegun returns the start of a job's first attempt, or the job's end if it had none.
func (h *history) firstBegun(job string) int64 {
	if attempts := h.attempts[job]; len(attempts) > 0 {
		return attempts[0].Started
	}
	return h.jobs[job].Finished
}

// contended returns the longest period in which two tenants both had chats in the queue, each
// more than a window of them: so many may be on their way to a worker, and be late there when a
// wake-up is lost.
func (h *history) contended(a, b string) (from, to int64) {
	var edges []edge
	for id, job := range h.jobs {
		if job.Kind == "chat.run" && (job.Tenant == a || job.Tenant == b) {
			edges = append(edges, edge{job.Created, 1, id}, edge{h.firstBegun(id), -1, id})
		}
	}
	sortEdges(edges)
	open := map[string]int{}
	var since int64
	for _, e := range edges {
		before := min(open[a], open[b]) > window
		open[h.jobs[e.job].Tenant] += e.by
		switch after := min(open[a], open[b]) > window; {
		case !before && after:
			since = e.at
		case before && !after && e.at-since > to-from:
			from, to = since, e.at
		}
	}
	return from, to
}

// begun counts the attempts at a tenant's chats that began in a period.
func (h *history) begun(tenant string, from, to int64) int {
	n := 0
	for id, attempts := range h.attempts {
		if h.jobs[id].Tenant != tenant || h.jobs[id].Kind != "chat.run" {
			continue
		}
		for _, a := range attempts {
			if a.Started >= from && a.Started <= to {
				n++
			}
		}
	}
	return n
}
