package api

import (
	"net/http"

	"dreamlab/store"
)

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
	WinRate       share                `json:"win_rate"`
	Interval      [2]share             `json:"interval"`
	Margin        share                `json:"margin"`
	Agreement     share                `json:"agreement"`
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
	Value  share `json:"value"`
	Floor  share `json:"floor"`
	Passed bool  `json:"passed"`
}

func viewEvaluation(e store.Evaluation) evaluationView {
	r := e.Report
	floors := make(map[string]floorView, len(r.Floors))
	for name, f := range r.Floors {
		floors[name] = floorView{Value: share(f.Value), Floor: share(f.Floor), Passed: f.Passed}
	}
	return evaluationView{
		ID: e.ID, Object: "evaluation", Alias: e.Alias, Tune: orNull(e.Tune), Candidate: e.Candidate,
		Incumbent: e.Incumbent,
		Judge:     r.Judge, Conversations: r.Conversations, Papers: r.Papers, Wins: r.Wins, Ties: r.Ties,
		Losses:  r.Losses,
		WinRate: share(r.WinRate), Interval: [2]share{share(r.Low), share(r.High)}, Margin: share(r.Margin),
		Agreement: share(r.Agreement), Checked: checkedView{r.Checked, r.CandidateHit,
			r.IncumbentHit}, Floors: floors,
		Resamples: r.Resamples, Seed: r.Seed, Decision: r.Decision, Reason: r.Reason, CreatedAt: seconds(e.Created),
	}
}

func (s *Server) listEvaluations(w http.ResponseWriter, c *call) error {
	page, err := paged(c)
	if err != nil {
		return err
	}
	rows, more, err := s.Store.Evaluations(c.Context(), c.key.Tenant, page)
	if err != nil {
		return err
	}
	return writeList(w, rows, more, viewEvaluation, func(v evaluationView) string { return v.ID })
}

func (s *Server) getEvaluation(w http.ResponseWriter, c *call) error {
	e, err := s.Store.Evaluation(c.Context(), c.key.Tenant, c.PathValue("id"))
	if err != nil {
		return orMissing(err, "evaluation")
	}
	return writeJSON(w, http.StatusOK, viewEvaluation(e))
}
