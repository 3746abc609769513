package main

import "fmt"

// violation is a case in which an invariant did not hold.
type violation struct {
	invariant string
	job       string // "" where it is not of one job
	text      string
}

// finding is the result of one check.
type finding struct {
	invariant
	looked int      // number of cases; a check of none proves nothing
	said   []string // measurements
	broken []violation
}

func (f *finding) see() { f.looked++ }

func (f *finding) say(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

func (f *finding) breaks(job, format string, args ...any) {
	f.broken = append(f.broken, violation{f.name, job, fmt.Sprintf(format, args...)})
}

// invariant is an invariant and its check.
type invariant struct {
	name  string
	holds string
	// least is the number of cases that a run of two minutes at the usual rate has at least: a
	// check of fewer proves nothing.
	least int
	look  func(h *history, n loadNotes, f *finding)
}

// invariants must hold whatever faults were injected.
func invariants() []invariant {
	return []invariant{
		{"I1", "what was accepted came to an end, what was answered succeeded", 400, lookAtEnds},
		{"I1 crash", "what was accepted as PostgreSQL was killed is there", 1, lookAtCrashes},
		{"I2", "a step has one stored answer, a chat one experience", 400, lookAtAnswers},
		{"I3", "no call after a stored answer, one answered call an epoch", 300, lookAtCalls},
		{"I3 once", "a training and an endpoint are made once, and each has a row", 1, lookAtCreations},
		{"I4", "paid again only where the outcome was lost", 300, lookAtBooks},
		{"I4 bills", "what the vendors billed is what the books say, call by call", 200, lookAtBills},
		{"I4 money", "what is settled is what the vendor billed, to the nano-dollar", 200, lookAtMoney},
		{"I5", "one job for each tick of a schedule", 1, lookAtTicks},
		{"I6", "an experience is in one slice of one dream, unless a dream that failed gave it back", 12, lookAtDreams},
		{"I7", "flooding tenants share a lane by weight, and a quiet tenant is not delayed", 1, lookAtFloods},
		{"I8", "a tenant's jobs at once stay under its cap", 400, lookAtCaps},
		{"I9", "nothing begins after a cancellation was confirmed", 20, lookAtCancels},
		{"I9 soon", "a job that runs ends soon after it was asked to", 3, lookAtCancelDelay},
		{"I10", "a poll holds no worker", 1, lookAtPolls},
		{"I12", "each line of a batch has one end, and a batch of a file ends complete", 100, lookAtBatches},
		{"I12 lines", "no line is paid twice, and what was billed for lines is what the books say", 100, lookAtLines},
		{"I11", "a stream is in order and of one epoch, and ends with [DONE] or an error", 20, lookAtStreams},
	}
}

// check runs all checks, and compares their numbers of cases with what is expected.
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

// expects scales the number of cases of two minutes at the usual rate to this run; at least
// one.
func (o options) expects(inTwoMinutes int) int {
	scale := o.length.Minutes() / 2 * o.rate / usualRate
	return max(1, int(float64(inTwoMinutes)*scale))
}
