package main

import (
	"fmt"
	"slices"
	"strings"
)

// lookAtCalls compares the calls of a step with its answer.
func lookAtCalls(h *history, _ loadNotes, f *finding) {
	for job, entries := range h.entries {
		stored := map[string]effectRow{}
		for _, e := range h.effects[job] {
			stored[e.Step] = e
		}
		answered := map[string]int{}
		for _, e := range entries {
			if !h.live(e) {
				continue
			}
			f.see()
			at, found := stored[e.Step]
			if found && (e.Epoch > at.Epoch || e.Created > at.Created) {
				f.breaks(job, "step %s was asked in epoch %d although its answer is of epoch %d", e.Step, e.Epoch, at.Epoch)
			}
			place := fmt.Sprint(e.Step, e.Epoch)
			if e.State == "settled" && e.Cause == "" {
				answered[place]++
			}
			if answered[place] > 1 {
				f.breaks(job, "step %s was answered twice in epoch %d", e.Step, e.Epoch)
			}
		}
	}
}

// call tells whether an entry is of a chat, and not of a training or an hour of hosting.
func (e entryRow) call() bool { return e.Purpose != "train" && e.Purpose != "host" }

// live tells whether an entry is of a call, and not of a line of an order.
func (h *history) live(e entryRow) bool {
	return e.call() && !elsewhere(e.Provider) && !strings.HasPrefix(e.Model, adapted) && h.jobs[e.Job].Kind != "batch.run"
}

// The causes of a lost outcome: a worker that died, was frozen or could not reach the database;
// an attempt that ended for another reason; and faults of the connection to a vendor.
const leaseExpired = "lease expired"

func connectionLost(cause string) bool {
	return slices.Contains([]string{"server", "timeout", "stream_truncated", "unreadable", "cancelled"}, cause)
}

func lookAtBooks(h *history, _ loadNotes, f *finding) {
	for job, entries := range h.entries {
		paying := map[string]string{}
		for _, e := range h.effects[job] {
			paying[e.Step] = e.Entry
		}
		for _, e := range entries {
			f.see()
			outcome := h.outcomeAt(job, e.Epoch)
			switch {
			case e.State == "open":
				f.breaks(job, "entry %s was never ended", e.ID)
			case e.State == "unknown" && e.Cause == leaseExpired && outcome != "crashed":
				f.breaks(job, "entry %s lost its lease in an attempt that ended %q", e.ID, outcome)
			case e.State == "unknown" && e.Cause == "left open" && outcome == "succeeded":
				f.breaks(job, "entry %s was left open by an attempt that succeeded", e.ID)
			case !h.live(e):
			case e.State == "unknown" && e.Cause != leaseExpired && e.Cause != "left open" && !connectionLost(e.Cause):
				f.breaks(job, "entry %s has no reason to be unknown: %q", e.ID, e.Cause)
			case e.kept() && paying[e.Step] != e.ID && outcome != "crashed":
				f.breaks(job, "entry %s paid for nothing that was kept, in an attempt that ended %q", e.ID, outcome)
			}
		}
	}
}

// kept tells whether a call was answered and paid.
func (e entryRow) kept() bool { return e.State == "settled" && e.Cause == "" }

// bill compares the entries and the vendor's log for the calls of one request to one model.
type bill struct {
	trace, model string

	asked, billed, cut      int // at the vendor; cut: by an injected fault
	written                 int // entries
	settled, unknown, drops int // drops: unknown because of the connection
}

type callAt struct{ trace, model string }

// bills collects the entries and the vendors' log.
func (h *history) bills() map[callAt]*bill {
	all := map[callAt]*bill{}
	at := func(trace, model string) *bill {
		p := callAt{trace, model}
		if all[p] == nil {
			all[p] = &bill{trace: trace, model: model}
		}
		return all[p]
	}
	for _, v := range h.visits {
		if v.booked() {
			at(v.Trace, v.Vendor+"/"+v.Model).visited(v)
		}
	}
	for job, entries := range h.entries {
		for _, e := range entries {
			if h.live(e) {
				at(h.jobs[job].Trace, e.Provider+"/"+e.Model).write(e)
			}
		}
	}
	return all
}

func (b *bill) visited(v visit) {
	b.asked++
	if v.Billed {
		b.billed++
	}
	if v.Fault != "" {
		b.cut++
	}
}

func (b *bill) write(e entryRow) {
	b.written++
	switch e.State {
	case "settled":
		b.settled++
	case "unknown":
		b.unknown++
		if connectionLost(e.Cause) && e.Cause != "cancelled" {
			b.drops++
		}
	}
}

// lookAtBills compares the entries with the vendors' own log and count, request by request:
// each call has its entry, a settled entry was billed, and any other billed call has an unknown
// entry.
func lookAtBills(h *history, _ loadNotes, f *finding) {
	var settled, unknown, billed int
	for _, b := range h.bills() {
		f.see()
		settled, unknown, billed = settled+b.settled, unknown+b.unknown, billed+b.billed
		job := h.jobOf(b.trace)
		switch {
		case b.asked > b.written:
			f.breaks(job, "%s was asked %d times, with %d lines in the books", b.model, b.asked, b.written)
		case b.billed < b.settled:
			f.breaks(job, "%s billed %d calls, the books have %d settled", b.model, b.billed, b.settled)
		case b.billed > b.settled+b.unknown:
			f.breaks(job, "%s billed %d calls, the books have %d settled and %d unknown",
				b.model, b.billed, b.settled, b.unknown)
		case b.drops > b.cut:
			f.breaks(job, "%d calls of %s were lost on the way, %d by a fault", b.drops, b.model, b.cut)
		}
	}
	logged := map[string]int{}
	for _, v := range h.visits {
		if v.chat() && v.Billed {
			logged[v.billedAs()]++
		}
	}
	for _, p := range h.paid {
		model := p.Vendor + "/" + p.Model
		if n, chats := logged[model]; chats && n != p.Calls-p.Lines {
			f.breaks("", "%s counts %d payments, %d of them for lines, its log has %d", model, p.Calls, p.Lines, n)
		}
	}
	f.say("billed %d = %d settled + %d of %d whose outcome was lost", billed, settled, billed-settled, unknown)
}

// jobOf returns the job that made a request.
func (h *history) jobOf(trace string) string {
	for id, job := range h.jobs {
		if trace != "" && job.Trace == trace && job.Parent == "" {
			return id
		}
	}
	return ""
}

// lost counts, by cause, what was paid, or may have been paid, for answers that were lost.
type lost struct {
	cause  string
	tries  int // entries
	repaid int // of these, questions that were paid for again
}

// losses counts the lost answers.
func (h *history) losses() []lost {
	all := map[string]*lost{}
	for job, entries := range h.entries {
		paying := map[string]bool{}
		for _, e := range h.effects[job] {
			paying[e.Entry] = true
		}
		for i, e := range entries {
			cause := e.lossCause(paying)
			if !h.live(e) || cause == "" {
				continue
			}
			if all[cause] == nil {
				all[cause] = &lost{cause: cause}
			}
			all[cause].tries++
			if paidAgain(e, entries[i+1:]) {
				all[cause].repaid++
			}
		}
	}
	var list []lost
	for _, l := range all {
		list = append(list, *l)
	}
	slices.SortFunc(list, func(a, b lost) int { return b.tries - a.tries })
	return list
}

func (e entryRow) lossCause(paying map[string]bool) string {
	switch {
	case e.State == "unknown":
		return e.Cause
	case e.kept() && !paying[e.ID]:
		return "answered after its lease had expired"
	case e.State == "settled" && !paying[e.ID]:
		return "billed for " + e.Cause
	}
	return ""
}

func paidAgain(e entryRow, later []entryRow) bool {
	return slices.ContainsFunc(later, func(l entryRow) bool { return l.Step == e.Step && l.State != "void" })
}
