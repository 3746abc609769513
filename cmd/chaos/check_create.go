package main

import "strings"

// lookAtCreations compares the trainings and endpoints at the vendors with our rows. A doubled
// training has the suffix of the first, and an endpoint's name ends with that suffix.
func lookAtCreations(h *history, _ loadNotes, f *finding) {
	rows := map[string]trainingRow{} // by the vendor's id
	for _, t := range h.trainings {
		if running(t.Status) {
			f.breaks(t.Job, "%s is still %s", t.ID, t.Status)
		}
		if t.VendorID != "" {
			rows[t.VendorID] = t
		}
	}
	known := map[string]bool{}
	jobs := map[string]string{} // by the suffix
	for _, m := range h.trained {
		f.see()
		known[m.ID] = true
		row := rows[m.ID]
		if row.ID == "" {
			f.breaks(jobs[m.Suffix], "the vendor trains %s (%s), of which no row knows", m.ID, m.Suffix)
		}
		if _, twice := jobs[m.Suffix]; twice {
			f.breaks(row.Job, "the vendor was made to train %s more than once", m.Suffix)
		}
		jobs[m.Suffix] = row.Job
	}
	for _, row := range h.trainings {
		if elsewhere(row.Provider) {
			continue
		}
		if row.VendorID != "" && !known[row.VendorID] || row.VendorID == "" && row.Status == "succeeded" {
			f.breaks(row.Job, "the vendor knows nothing of %s (%s)", row.ID, row.VendorID)
		}
	}
	lookAtEndpoints(h, f)
	lookElsewhere(h, f)
	lookAtServed(h, f)
	lookAtTrainingBills(h, f)
}

func running(status string) bool {
	return status != "succeeded" && status != "failed" && status != "cancelled"
}

// jobServed returns the job whose training an endpoint serves, by the suffix.
func (h *history) jobServed(endpoint string) string {
	for _, m := range h.trained {
		if !strings.HasSuffix(endpoint, m.Suffix) {
			continue
		}
		for _, row := range h.trainings {
			if row.VendorID == m.ID {
				return row.Job
			}
		}
	}
	return ""
}

// lookAtEndpoints compares all endpoints that ever existed with the trainings.
func lookAtEndpoints(h *history, f *finding) {
	named := map[string]bool{}
	for _, m := range h.endpoints {
		f.see()
		job := h.jobServed(m.Name)
		switch {
		case job == "":
			f.breaks("", "the vendor serves %s, of which no row knows", m.Name)
		case named[m.Name]:
			f.breaks(job, "the vendor serves %s twice", m.Name)
		case len(m.Deployments) > 1:
			f.breaks(job, "the vendor serves %s from %d deployments", m.Name, len(m.Deployments))
		}
		named[m.Name] = true
	}
}

// lookAtTrainingBills compares the vendors' count of trainings with their list.
func lookAtTrainingBills(h *history, f *finding) {
	billed := 0
	for _, p := range h.paid {
		if p.training() && !elsewhere(p.Vendor) {
			billed += p.Calls
		}
	}
	if billed != len(h.trained) {
		f.breaks("", "%d trainings were billed, the vendor lists %d", billed, len(h.trained))
	}
	f.say("%d trainings and %d endpoints at Together, %d rows at all vendors", len(h.trained), len(h.endpoints), len(h.trainings))
}
