package main

import (
	"encoding/json"
	"slices"
	"strings"
)

// lookAtDreams holds slices against what is sealed in their dreams. What a dream
// that did not succeed had no answer for it gives back, and another may take it.
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

// lookAtSlices allows one slice, beside those whose dream gave the experience back.
func (h *history) lookAtSlices(experience string, in []string, f *finding) {
	if len(in) == 1 {
		return
	}
	var holding []string
	for _, slice := range in {
		if !h.gaveBack(slice, experience) {
			holding = append(holding, slice)
		}
	}
	if len(holding) > 1 {
		f.breaks(holding[1], "%s is in slice %s too", experience, holding[0])
	}
}

// gaveBack tells whether a slice's dream has given an experience back: one that
// succeeded, what its slices left or failed with; another, what it has no answer for.
func (h *history) gaveBack(slice, experience string) bool {
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

// dreamState is how the job of a dream ended.
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

// anyOf tells whether one of some slices is the dream's.
func (h *history) anyOf(dream string, in []string) bool {
	return slices.ContainsFunc(in, func(slice string) bool { return h.jobs[slice].Subject == dream })
}
