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
	// least is how many cases there are at least in two minutes at the usual rate:
	// a check that looked at fewer has shown nothing.
	least int
	look  func(h *history, n loadNotes, f *finding)
}

// invariants are what must hold whatever went wrong.
func invariants() []invariant {
	return []invariant{
		{"I1", "what was accepted came to an end, what was answered succeeded", 400, lookAtEnds},
		{"I1 crash", "what was accepted as PostgreSQL was killed is there", 1, lookAtCrashes},
		{"I2", "a step has one stored answer, a chat one experience", 400, lookAtAnswers},
		{"I3", "no call after a stored answer, one answered call an epoch", 300, lookAtCalls},
		{"I3 once", "a training and an endpoint are made once, and none that nobody knows", 1, lookAtCreations},
		{"I4", "paid again only where the outcome was lost", 300, lookAtBooks},
		{"I4 bills", "what the vendors billed is what the books say, call by call", 200, lookAtBills},
		{"I4 money", "what is settled is what the vendor billed, to the nano-dollar", 200, lookAtMoney},
		{"I5", "one job for each tick of a schedule", 1, lookAtTicks},
		{"I6", "an experience is in one slice of one dream, unless a dream that failed gave it back", 12, lookAtDreams},
		{"I7", "who floods a lane shares it by weight, who is quiet does not notice", 1, lookAtFloods},
		{"I8", "a tenant's jobs at once stay under its cap", 400, lookAtCaps},
		{"I9", "nothing begins after a cancellation was confirmed", 20, lookAtCancels},
		{"I9 soon", "a job that runs ends soon after it was asked to", 3, lookAtHaste},
		{"I10", "a poll holds no worker", 1, lookAtPolls},
		{"I11", "a stream is in order and of one epoch, and ends with [DONE] or an error", 20, lookAtStreams},
	}
}

// check looks at each promise, and at how much there was to look at.
func check(h *history, n loadNotes, o options) []finding {
	var all []finding
	for _, i := range invariants() {
		f := finding{invariant: i}
		i.look(h, n, &f)
		if least := o.expects(i.least); f.looked < least {
			f.breaks("", "only %d cases were looked at, which shows nothing: at least %d were to be expected",
				f.looked, least)
		}
		all = append(all, f)
	}
	return all
}

// expects scales what two minutes at the usual rate bring to this run; once at least.
func (o options) expects(inTwoMinutes int) int {
	scale := o.length.Minutes() / 2 * o.rate / usualRate
	return max(1, int(float64(inTwoMinutes)*scale))
}
