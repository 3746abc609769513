package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// served is how often a vendor was made to serve a tuned model under a name.
type served struct {
	Vendor string `json:"vendor"`
	Name   string `json:"name"`
	Times  int    `json:"times"`
}

// served reads what the vendors were made to serve.
func (l *lab) served(ctx context.Context) ([]served, error) {
	var answer listing[served]
	err := l.sandbox(ctx, http.MethodGet, "/_sandbox/served", "", &answer)
	return answer.Data, err
}

// lookAtServed compares what the vendors were made to serve with our rows: for each training once, at one of them.
func lookAtServed(h *history, f *finding) {
	counts, where := map[string]int{}, map[string]string{} // of a place; of a training
	for _, s := range h.served {
		f.see()
		counts[s.Vendor]++
		row := h.trainingServed(s.Name)
		switch {
		case row.ID == "":
			f.breaks("", "%s was made to serve %s, of which no row knows", s.Vendor, s.Name)
		case s.Times > 1:
			f.breaks(row.Job, "%s was made to serve %s %d times", s.Vendor, s.Name, s.Times)
		case where[row.ID] != "":
			f.breaks(row.Job, "%s was made to serve %s, which is served as %s", s.Vendor, s.Name, where[row.ID])
		}
		where[row.ID] = s.Vendor + "/" + s.Name
	}
	var told []string
	for _, p := range places() {
		told = append(told, fmt.Sprintf("%d at %s with %d answers lost", counts[p.vendor], p.vendor, h.lostAt(p.vendor)))
	}
	f.say("made to serve: %s", strings.Join(told, ", "))
}

// lostAt is how many answers of a vendor, but for those to chats, were lost after it had done what it was asked.
func (h *history) lostAt(vendor string) (n int) {
	for _, v := range h.visits {
		if v.Vendor == vendor && v.Fault == "drop_after" && !strings.HasSuffix(v.Path, "/chat/completions") {
			n++
		}
	}
	return n
}

// trainingServed returns the training whose suffix is in a name.
func (h *history) trainingServed(name string) trainingRow {
	for _, row := range h.trainings {
		if row.Suffix != "" && strings.Contains(name, row.Suffix) {
			return row
		}
	}
	return trainingRow{}
}
