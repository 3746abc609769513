package dream

import (
	"context"

	"dreamlab/handlers"
	"dreamlab/handlers/dream/study"
	"dreamlab/handlers/judge"
	"dreamlab/handlers/shared"
	"dreamlab/providers"
	"dreamlab/store/batch"
	"dreamlab/store/plainjson"
)

// linesOf are the lines of a batch of questions to a role. Judgements in one order share requests, and so do variants to
// be made up: the instructions, and what their conversations begin with, are paid for once. The two orders of
// judgements never do, since a judge that sees both agrees with itself.
func (a *asking) linesOf(ctx context.Context, role study.Role, questions []study.Question) ([]batch.Line, error) {
	fewest, err := a.fewestLines(ctx, role)
	if err != nil {
		return nil, err
	}
	all := make([]shared.Question, len(questions))
	for i, q := range questions {
		all[i] = shared.Question{Key: a.later.joins(q), About: q.Conversation, Size: shared.Size(q.Request)}
		if all[i].Key != "" {
			all[i].Text = shared.Text(q.Request)
		}
	}
	var some []batch.Line
	for _, places := range shared.Groups(all, fewest) {
		line, err := a.lineOf(questions, places)
		if err != nil {
			return nil, err
		}
		line.Number = len(some) + 1
		some = append(some, line)
	}
	return some, nil
}

// joins is the same for questions that may be asked in one request, "" for one that is asked alone.
func (l *later) joins(q study.Question) string {
	joinable := q.Purpose == judge.PurposeCritique || q.Purpose == judge.PurposeVerify || q.Purpose == purposeDream
	if !joinable || q.Again || l.shared[q.Step] {
		return ""
	}
	key := shared.Key(q.Request)
	if key == "" {
		return ""
	}
	return q.Purpose + "\n" + key
}

// lineOf asks some of the questions.
func (a *asking) lineOf(questions []study.Question, places []int) (batch.Line, error) {
	first := questions[places[0]]
	line := batch.Line{CustomID: first.Step, Job: a.run.Job.ID, Purpose: first.Purpose}
	if len(places) == 1 {
		line.Step, line.Hash = first.Step, handlers.RequestHash(first.Purpose, first.Request)
		line.Request = plainjson.Of(first.Request)
		return line, nil
	}
	requests := make([]providers.Request, len(places))
	for i, place := range places {
		q := questions[place]
		requests[i] = q.Request
		line.Parts = append(line.Parts, batch.Part{
			Step: q.Step, Hash: handlers.RequestHash(q.Purpose, q.Request), Size: shared.Size(q.Request),
		})
	}
	joined, err := shared.Join(requests)
	line.Request = plainjson.Of(joined)
	return line, err
}

// fewestLines is how many lines a batch has at least at the vendor that is asked first. It is 1 where the vendor can not
// say so now: the batch itself asks it again, and then another or none.
func (a *asking) fewestLines(ctx context.Context, role study.Role) (int, error) {
	if a.Vendors == nil {
		return 1, nil
	}
	tiers, err := a.Caller.Resolve(ctx, a.run.Store.Queries, a.run.Job.Tenant, a.model(role), a.dream.ID)
	if err != nil {
		return 0, err
	}
	target := tiers[0][0]
	if batcher, err := a.Vendors.Batcher(target.Provider); err == nil {
		if limits, err := batcher.Batchable(ctx, target.Model); err == nil {
			return limits.MinLines, nil
		}
	}
	return 1, nil
}
