package main

import "fmt"

// violation is a broken promise.
type violation struct {
	invariant string
	job       string // "" where it is nobody's alone
	text      string
}

// finding is what came of looking whether a promise was kept.
type finding struct {
	invariant
	looked int      // at how many cases: none proves nothing
	said   []string // what was measured
	broken []violation
}

func (f *finding) see() { f.looked++ }

func (f *finding) say(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

func (f *finding) breaks(job, format string, args ...any) {
	f.broken = append(f.broken, violation{f.name, job, fmt.Sprintf(format, args...)})
}

// invariant is a promise, with what looks whether it was kept.
type invariant struct {
	name  string
	holds string
	look  func(h *history, n loadNotes, f *finding)
}

// invariants are what must hold whatever went wrong.
func invariants() []invariant {
	return []invariant{
		{"I1", "what was accepted came to an end, what was answered succeeded", lookAtEnds},
		{"I2", "a step has one stored answer, a chat one experience", lookAtAnswers},
		{"I3", "no call after a stored answer, one answered call an epoch", lookAtCalls},
		{"I3 once", "a training and an endpoint are made once, and none that nobody knows", lookAtCreations},
		{"I4", "paid again only where the outcome was lost", lookAtBooks},
		{"I4 bills", "what the vendors billed is what the books say, call by call", lookAtBills},
		{"I5", "one job for each tick of a schedule", lookAtTicks},
		{"I6", "an experience is in one slice of one dream", lookAtDreams},
		{"I7", "who floods a lane shares it by weight, who is quiet does not notice", lookAtFloods},
		{"I8", "a tenant's jobs at once stay under its cap", lookAtCaps},
		{"I9", "nothing begins after a cancellation was confirmed", lookAtCancels},
		{"I10", "a poll holds no worker", lookAtPolls},
	}
}

// check looks at each promise.
func check(h *history, n loadNotes) []finding {
	var all []finding
	for _, i := range invariants() {
		f := finding{invariant: i}
		i.look(h, n, &f)
		all = append(all, f)
	}
	return all
}
