package main

import (
	"encoding/json"
	"slices"
	"strings"
)

// lookAtDreams compares the slices with the experiences that are sealed in their dreams. A
// dream that did not succeed releases the experiences without an answer, and another dream may
// take them.
func lookAtDreams(h *history, _ loadNotes, f *finding) {
	taken := map[string][]string{} // the slices of an experience
	for id, job := range h.jobs {
		if job.Kind != "dream.slice" {
			continue
		}
		var in struct{ Experiences []string }
		if err := json.Unmarshal([]byte(job.Input), &in); err != nil {
			f.breaks(id, "its input can not be read: %v", err)
		}
		for _, e := range in.Experiences {
			f.see()
			taken[e] = append(taken[e], id)
		}
	}
	for experience, in := range taken {
		h.lookAtSlices(experience, in, f)
	}
	for _, e := range h.experiences {
		if in := taken[e.ID]; len(in) > 0 && e.Dream != "" && !h.anyOf(e.Dream, in) {
			f.breaks(in[0], "%s is sealed in %s", e.ID, e.Dream)
		}
	}
}

// lookAtSlices allows one slice for an experience, beside those whose dream released it.
func (h *history) lookAtSlices(experience string, in []string, f *finding) {
	if len(in) == 1 {
		return
	}
	var holding []string
	for _, slice := range in {
		if !h.released(slice, experience) {
			holding = append(holding, slice)
		}
	}
	if len(holding) > 1 {
		f.breaks(holding[1], "%s is in slice %s too", experience, holding[0])
	}
}

// released tells whether a slice's dream has released an experience: a dream that succeeded
// releases what its slices left or failed with, any other those without an answer.
func (h *history) released(slice, experience string) bool {
	dream := h.jobs[slice].Subject
	switch state := h.dreamState(dream); {
	case !ended(state):
		return false
	case state != "succeeded":
		return !h.answered(dream, experience)
	case h.jobs[slice].State != "succeeded":
		return true
	}
	var result struct{ Left []string }
	err := json.Unmarshal([]byte(h.jobs[slice].SliceResult), &result)
	return err == nil && slices.Contains(result.Left, experience)
}

// dreamState returns the state of a dream's job.
func (h *history) dreamState(dream string) string {
	for _, job := range h.jobs {
		if job.Kind == "dream.plan" && job.Subject == dream {
			return job.State
		}
	}
	return ""
}

// answered tells whether a dream has an answer for an experience.
func (h *history) answered(dream, experience string) bool {
	for id, job := range h.jobs {
		if job.Subject != dream {
			continue
		}
		for _, e := range h.effects[id] {
			if strings.HasPrefix(e.Step, experience+"/") {
				return true
			}
		}
	}
	return false
}

// anyOf tells whether one of the slices belongs to the dream.
func (h *history) anyOf(dream string, in []string) bool {
	return slices.ContainsFunc(in, func(slice string) bool { return h.jobs[slice].Subject == dream })
}
