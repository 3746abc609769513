package api

import (
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/learn"
)

type evaluations struct{ store *store.Store }

// evaluationView shows shares as numbers between 0 and 1.
type evaluationView struct {
	ID            string               `json:"id"`
	Object        string               `json:"object"`
	Alias         string               `json:"alias"`
	Tune          *string              `json:"tune"`
	Candidate     string               `json:"candidate"`
	Incumbent     string               `json:"incumbent"`
	Judge         string               `json:"judge"`
	Conversations int                  `json:"conversations"`
	Papers        int                  `json:"papers"`
	Wins          int                  `json:"wins"`
	Ties          int                  `json:"ties"`
	Losses        int                  `json:"losses"`
	WinRate       wire.Share           `json:"win_rate"`
	Interval      [2]wire.Share        `json:"interval"`
	Margin        wire.Share           `json:"margin"`
	Agreement     wire.Share           `json:"agreement"`
	Checked       checkedView          `json:"checked"`
	Floors        map[string]floorView `json:"floors"`
	Resamples     int                  `json:"resamples"`
	Seed          int64                `json:"seed"`
	Decision      string               `json:"decision"`
	Reason        string               `json:"reason"`
	CreatedAt     *int64               `json:"created_at"`
}

type checkedView struct {
	Papers    int `json:"papers"`
	Candidate int `json:"candidate_hits"`
	Incumbent int `json:"incumbent_hits"`
}

type floorView struct {
	Value  wire.Share `json:"value"`
	Floor  wire.Share `json:"floor"`
	Passed bool       `json:"passed"`
}

func viewEvaluation(e learn.Evaluation) evaluationView {
	r := e.Report
	floors := make(map[string]floorView, len(r.Floors))
	for name, f := range r.Floors {
		floors[name] = floorView{Value: wire.Share(f.Value), Floor: wire.Share(f.Floor), Passed: f.Passed}
	}
	return evaluationView{
		ID: e.ID, Object: "evaluation", Alias: e.Alias, Tune: wire.OrNull(e.Tune), Candidate: e.Candidate,
		Incumbent: e.Incumbent,
		Judge:     r.Judge, Conversations: r.Conversations, Papers: r.Papers, Wins: r.Wins, Ties: r.Ties,
		Losses:  r.Losses,
		WinRate: wire.Share(r.WinRate), Interval: [2]wire.Share{wire.Share(r.Low), wire.Share(r.High)},
		Margin:    wire.Share(r.Margin),
		Agreement: wire.Share(r.Agreement), Checked: checkedView{r.Checked, r.CandidateHit,
			r.IncumbentHit}, Floors: floors,
		Resamples: r.Resamples, Seed: r.Seed, Decision: r.Decision, Reason: r.Reason, CreatedAt: wire.Seconds(e.Created),
	}
}

func (h evaluations) list(w http.ResponseWriter, c *wire.Call) error {
	page, err := gate.Paged(c, "evl_", gate.Known(h.store.Evaluation))
	if err != nil {
		return err
	}
	rows, more, err := h.store.Evaluations(c.Context(), c.Tenant, page)
	if err != nil {
		return err
	}
	return wire.WriteList(w, rows, more, viewEvaluation, func(v evaluationView) string { return v.ID })
}

func (h evaluations) get(w http.ResponseWriter, c *wire.Call) error {
	e, err := h.store.Evaluation(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "evaluation")
	}
	return wire.WriteJSON(w, http.StatusOK, viewEvaluation(e))
}
