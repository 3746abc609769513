package main

import "slices"

// lookAtMoney compares each settled amount with what the vendor billed for the same request,
// and the vendor's total with its log. Answers whose tokens we estimated, because the vendor
// gave no usage, are left out.
func lookAtMoney(h *history, _ loadNotes, f *finding) {
	bills := h.amounts()
	var settled int64
	for job, entries := range h.entries {
		for _, e := range entries {
			if !h.live(e) || !e.kept() || e.Estimated {
				continue
			}
			at := callAt{h.jobs[job].Trace, e.Provider + "/" + e.Model}
			f.see()
			settled += e.Settled
			i := slices.Index(bills[at], e.Settled)
			if i < 0 {
				f.breaks(job, "entry %s is settled at %d nano-dollars, the vendor's bills are %d", e.ID, e.Settled, bills[at])
				continue
			}
			bills[at] = slices.Delete(bills[at], i, i+1)
		}
	}
	f.say("%d nano-dollars are settled as they were billed", settled)
	h.lookAtSums(f)
}

// amounts are the vendors' bills for each request, nano-dollars.
func (h *history) amounts() map[callAt][]int64 {
	all := map[callAt][]int64{}
	for _, v := range h.visits {
		if v.booked() && v.Billed {
			at := callAt{v.Trace, v.Vendor + "/" + v.Model}
			all[at] = append(all[at], v.Nano)
		}
	}
	return all
}

// lookAtSums compares the vendors' sums with their log.
func (h *history) lookAtSums(f *finding) {
	logged := map[string]int64{}
	for _, v := range h.visits {
		if v.chat() && v.Billed {
			logged[v.billedAs()] += v.Nano
		}
	}
	for _, p := range h.paid {
		if sum, chats := logged[p.Vendor+"/"+p.Model]; chats && sum != p.Nano-p.LineNano {
			f.breaks("", "%s/%s billed %d nano-dollars, %d of them for lines, its log has %d", p.Vendor, p.Model, p.Nano, p.LineNano, sum)
		}
	}
}
