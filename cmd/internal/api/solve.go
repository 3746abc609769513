package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"dreamlab/cmd/internal/api/chat"
	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// solutions are tasks that the team tries, one at a time.
type solutions struct {
	store *store.Store
	gate  *gate.Gate
	wait  waits
	team  []string // the models that are asked
}

const (
	// solveWait is how long a client waits for a solution that states no preference: two answers and two
	// verdicts take less than a minute, unless a vendor is slow.
	solveWait = 2 * time.Minute
	// solvePriority lets a task go before the slices of dreams, since its client waits.
	solvePriority = 9
)

type solutionView struct {
	ID      string    `json:"id"` // the job's
	Object  string    `json:"object"`
	Status  string    `json:"status"`
	CostUSD money.USD `json:"cost_usd"`
	tasks.Solution
}

// show shows a task's job as a solution, which is empty until the job has ended.
func (h solutions) show(ctx context.Context, j job.Job) (any, error) {
	if j.State.Ended() && j.State != job.StateSucceeded {
		return nil, chat.EndedFault(j)
	}
	cost, err := spent(ctx, h.store, j)
	if err != nil {
		return nil, err
	}
	view := solutionView{
		ID: j.ID, Object: "solution", Status: statusOf(j.State), CostUSD: money.USD(cost),
		Solution: tasks.Solution{Attempts: []tasks.SolveAttempt{}, Verdicts: []tasks.SolveVerdict{}},
	}
	if j.State != job.StateSucceeded {
		return view, nil
	}
	if err := json.Unmarshal(j.Result, &view.Solution); err != nil {
		return nil, fmt.Errorf("read the solution of %s: %w", j.ID, err)
	}
	return view, nil
}

func (h solutions) create(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	in, err := tasks.ParseSolve(body)
	if err != nil {
		return err
	}
	for _, model := range h.team {
		if err := c.MayAsk(model); err != nil {
			return err
		}
	}
	if err := h.gate.Charge(c, "", gate.TokensOf(body, 0)); err != nil {
		return err
	}
	j, _, err := h.gate.Accept(c, gate.Asked{Hash: gate.HashOf(c, body), Job: job.NewJob{
		Kind: string(tasks.DreamSolve), Input: plainjson.Of(in), Priority: solvePriority,
	}})
	if err != nil {
		return err
	}
	return h.wait.accepted(w, c, j, "/v1/jobs/"+j.ID, h.show)
}
