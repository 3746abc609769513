package main

import (
	"slices"
	"time"
)

func ended(state string) bool {
	return slices.Contains([]string{"succeeded", "failed", "cancelled", "expired"}, state)
}

func lookAtEnds(h *history, n loadNotes, f *finding) {
	byKey := map[string]string{}
	for _, p := range n.promises {
		f.see()
		job, found := h.jobs[p.job]
		switch {
		case !found:
			f.breaks(p.job, "it was accepted and is gone")
		case !ended(job.State):
			f.breaks(p.job, "it is still %s", job.State)
		case p.answered && job.State != "succeeded":
			f.breaks(p.job, "its client has the answer and it is %s", job.State)
		}
		if p.key == "" {
			continue
		}
		if first := byKey[p.key]; first != "" && first != p.job {
			f.breaks(p.job, "one idempotency key made it and %s", first)
		}
		byKey[p.key] = p.job
	}
	for id, job := range h.jobs {
		if !ended(job.State) {
			f.breaks(id, "it is still %s", job.State)
		}
	}
}

// lookAtCrashes looks for the jobs that were accepted right before PostgreSQL was killed.
func lookAtCrashes(h *history, n loadNotes, f *finding) {
	for _, p := range n.promises {
		if !p.crash {
			continue
		}
		f.see()
		if _, found := h.jobs[p.job]; !found {
			f.breaks(p.job, "PostgreSQL was killed behind its 202 and it is gone")
		}
	}
}

func lookAtAnswers(h *history, _ loadNotes, f *finding) {
	kept := map[string]int{}
	for _, e := range h.experiences {
		kept[e.Job]++
	}
	for id, job := range h.jobs {
		if job.Kind != "chat.run" {
			continue
		}
		f.see()
		want := 0
		if job.State == "succeeded" {
			want = 1
		}
		if len(h.effects[id]) != want || kept[id] != want || job.Result != (want == 1) {
			f.breaks(id, "%s with %d answers, %d experiences and a result: %t",
				job.State, len(h.effects[id]), kept[id], job.Result)
		}
	}
}

func lookAtTicks(h *history, _ loadNotes, f *finding) {
	seen := map[string]string{}
	for id, job := range h.jobs {
		if job.Kind != "schedule.tick" {
			continue
		}
		f.see()
		if other := seen[job.Input]; other != "" {
			f.breaks(id, "%s fires the same tick", other)
		}
		seen[job.Input] = id
	}
}

func lookAtCancels(h *history, n loadNotes, f *finding) {
	for _, p := range n.promises {
		if !p.cancelled {
			continue
		}
		f.see()
		if job := h.jobs[p.job]; job.State != "cancelled" {
			f.breaks(p.job, "its cancellation was confirmed and it is %s", job.State)
		}
	}
	for id, job := range h.jobs {
		for _, a := range h.attempts[id] {
			if job.CancelAt > 0 && a.Started > job.CancelAt {
				f.breaks(id, "epoch %d began after its end was asked for", a.Epoch)
			}
		}
		if job.State == "cancelled" {
			lookAfterEnd(h, job, f)
		}
	}
}

// latestCancel bounds how long a job may run after its cancellation, whatever the faults: its
// worker may be frozen or dead for the longest lease, and the database away after that.
const latestCancel = time.Minute + 15*time.Second + maxOutage

// lookAtCancelDelay measures how soon running jobs ended after their cancellation. Half of them meet
// no fault.
func lookAtCancelDelay(h *history, _ loadNotes, f *finding) {
	var took []time.Duration
	for id, job := range h.jobs {
		if job.CancelAt == 0 || h.outcomeAt(id, job.Epoch) != "cancelled" {
			continue
		}
		f.see()
		took = append(took, time.Duration(h.span(job.CancelAt, job.Finished))*time.Microsecond)
		if late := took[len(took)-1]; late > latestCancel {
			f.breaks(id, "it ended %s after it was asked to", late)
		}
	}
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	half := took[len(took)/2]
	f.say("half of %d jobs that were running ended within %s of being asked to, the last after %s",
		len(took), half.Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	if half > maxCancelDelay {
		f.breaks("", "half of them ended more than %s after they were asked to", maxCancelDelay)
	}
}

// lookAfterEnd looks for calls that a job made after its end.
func lookAfterEnd(h *history, job jobRow, f *finding) {
	for _, e := range h.entries[job.ID] {
		if e.Created > job.Finished && e.Purpose != "host" { // hosting is booked until the vendor has stopped
			f.breaks(job.ID, "a call of epoch %d began after its end", e.Epoch)
		}
	}
	for _, e := range h.effects[job.ID] {
		if e.Created > job.Finished {
			f.breaks(job.ID, "an answer of epoch %d was stored after its end", e.Epoch)
		}
	}
	for _, child := range h.jobs {
		if child.Parent == job.ID && child.Created > job.Finished {
			f.breaks(job.ID, "%s was made after its end", child.ID)
		}
	}
}

const (
	// maxPoll bounds an attempt that only polls a vendor: its calls time out, and its database
	// is away, for that long. Microseconds.
	maxPoll = 90_000_000
	// usualPoll bounds the median of them: the pause between two polls.
	usualPoll = 500_000
)

func lookAtPolls(h *history, _ loadNotes, f *finding) {
	var took []int64
	for id, job := range h.jobs {
		if job.Kind != "tune.poll" {
			continue
		}
		for _, a := range h.attempts[id] {
			if a.Outcome != "waiting" {
				continue
			}
			f.see()
			held := h.span(a.Started, a.Ended)
			if took = append(took, held); held > maxPoll {
				f.breaks(id, "epoch %d polled for %d s", a.Epoch, held/1e6)
			}
		}
	}
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	half := took[len(took)/2]
	f.say("half of the polls held a worker for less than %s, the longest for %s", micros(half), micros(took[len(took)-1]))
	if half > usualPoll {
		f.breaks("", "half of the polls held a worker for more than %s", micros(half))
	}
}

func micros(us int64) time.Duration {
	return (time.Duration(us) * time.Microsecond).Round(time.Millisecond)
}
