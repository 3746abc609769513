package shadow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dreamlab/store/canary"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/money"
	"dreamlab/tasks"
)

// Progress is how far a tune is with the pairs of its canary, as its row keeps it.
type Progress struct {
	Drawn  string `json:"drawn,omitempty"`  // the chat behind which the next are drawn
	Job    string `json:"job,omitempty"`    // job_… that judges the last that were drawn
	Broken int    `json:"broken,omitempty"` // such jobs in a row that failed
}

// Next is what a tune does next for its canary's pairs: nothing, where both are nil.
type Next struct {
	Input  *tasks.ShadowInput // of the job that Progress names
	Paused *canary.Canary     // the canary as it is when it can not be compared further
}

// maxBroken is how many jobs in a row may fail, each after some attempts, before a person is asked.
const maxBroken = 3

// Next draws more chats while a canary waits for pairs, for one job at a time. It pauses the canary where
// the money is used up, or the last jobs failed: neither says anything of the candidate.
func (p *Progress) Next(ctx context.Context, run *tasks.Run, c canary.Canary) (next Next, err error) {
	if !c.Plan.Pairs.Planned() || c.State != canary.Shadow && c.State != canary.Running {
		return next, nil
	}
	last, err := p.last(ctx, run)
	if err != nil || last.busy {
		return next, err
	}
	spent, err := run.Store.PairSpend(ctx, c)
	if err != nil {
		return next, fmt.Errorf("sum what the pairs cost: %w", err)
	}
	left := c.Budget() - spent
	if c.PairsPass() && (left <= 0 || last.result.Unpaid) {
		return next, nil // they have told enough
	}
	p.note(last)
	if why := p.stopped(c, last, left); why != "" {
		p.Broken = 0
		paused := c.Pause(why, last.result.Unpaid || left <= 0)
		return Next{Paused: &paused}, nil
	}
	chats, drawn, err := Draw(ctx, run.Store, c, p.Drawn)
	if err != nil {
		return next, err
	}
	if p.Drawn = drawn; len(chats) == 0 {
		return next, nil
	}
	p.Job = db.NewID("job_")
	return Next{Input: &tasks.ShadowInput{Canary: c.ID, Chats: chats, Cap: left}}, nil
}

// Busy tells whether a job of pairs is still at work.
func (p *Progress) Busy(ctx context.Context, run *tasks.Run) (bool, error) {
	last, err := p.last(ctx, run)
	return last.busy, err
}

// ended is how the last job of pairs is.
type ended struct {
	busy, failed bool
	result       tasks.ShadowResult
}

func (p *Progress) last(ctx context.Context, run *tasks.Run) (last ended, err error) {
	if p.Job == "" {
		return last, nil
	}
	work, err := run.Store.Job(ctx, run.Job.Tenant, p.Job)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return last, nil // its time was over
	case err != nil:
		return last, fmt.Errorf("find the job of the pairs: %w", err)
	}
	last.busy, last.failed = !work.State.Ended(), work.State == job.StateFailed
	if work.State != job.StateSucceeded {
		return last, nil
	}
	if err := json.Unmarshal(work.Result, &last.result); err != nil {
		return last, fmt.Errorf("read the result of %s: %w", work.ID, err)
	}
	return last, nil
}

// note counts the failures in a row.
func (p *Progress) note(last ended) {
	switch {
	case last.failed:
		p.Broken++
	case p.Job != "":
		p.Broken = 0
	}
	p.Job = ""
}

// stopped says why no more pairs can be judged, or is "".
func (p *Progress) stopped(c canary.Canary, last ended, left int64) string {
	const advice = ": resume it to go on, promote or abort it to decide without"
	switch {
	case left <= 0:
		return fmt.Sprintf("the $%s for judged pairs are used up, and resume allows as many again%s",
			money.USD(c.Budget()), advice)
	case last.result.Unpaid:
		return "a budget has no room for more judged pairs" + advice
	case p.Broken >= maxBroken:
		return "the last jobs that were to compare the models failed, see those of its tune" + advice
	}
	return ""
}
