package api

import (
	"context"
	"encoding/json"
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

type evaluations struct {
	store *store.Store
	gate  *gate.Gate
	jobs  jobs
}

// evaluationView shows shares as numbers between 0 and 1.
type evaluationView struct {
	ID            string               `json:"id"`
	Object        string               `json:"object"`
	Alias         string               `json:"alias"`
	Tune          *string              `json:"tune"`
	Repeats       *string              `json:"repeats"`
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
	Cheaper       wire.Share           `json:"cheaper_margin"`
	Bound         wire.Share           `json:"bound"`
	LengthEven    wire.Share           `json:"length_controlled_win_rate"`
	Look          lookView             `json:"look"`
	Agreement     wire.Share           `json:"agreement"`
	Checked       checkedView          `json:"checked"`
	Groups        map[string]groupView `json:"groups"`
	Floors        map[string]floorView `json:"floors"`
	Seed          int64                `json:"seed"`
	Decision      string               `json:"decision"`
	Reason        string               `json:"reason"`
	CreatedAt     *int64               `json:"created_at"`
	PrunedAt      *int64               `json:"pruned_at"` // when its comparisons were deleted for their age
}

type checkedView struct {
	Papers    int `json:"papers"`
	Candidate int `json:"candidate_hits"`
	Incumbent int `json:"incumbent_hits"`
}

type floorView struct {
	Value      wire.Share    `json:"value"`
	Floor      wire.Share    `json:"floor"`
	Difference [2]wire.Share `json:"difference"`
	Passed     bool          `json:"passed"`
}

// groupView is a part of the papers that is tested apart.
type groupView struct {
	Papers   int           `json:"papers"`
	WinRate  wire.Share    `json:"win_rate"`
	Interval [2]wire.Share `json:"interval"`
	Passed   bool          `json:"passed"`
}

// lookView is one exam among those of an alias in a year.
type lookView struct {
	Number int             `json:"number"`
	Alpha  json.RawMessage `json:"alpha"`
	Since  *int64          `json:"since"`
}

func viewLook(l learn.Look) lookView {
	return lookView{l.Number, wire.Decimal(l.Alpha, 6), wire.Seconds(l.Since)}
}

// examView is what an exam can decide, known before anything is paid.
type examView struct {
	Conversations int        `json:"conversations"`
	Look          lookView   `json:"look"`
	Detectable    wire.Share `json:"detectable_win_rate"`
	FivePoints    wire.Share `json:"power_at_five_points"`
	Needed        *int       `json:"conversations_for_five_points"`
	// Cheaper is null where the alias has no margin for cheaper models.
	Cheaper     *cheaperView `json:"cheaper"`
	Undecidable *string      `json:"undecidable"`
}

// cheaperView compares what a month of the alias's traffic costs.
type cheaperView struct {
	Margin    wire.Share `json:"margin"`
	Candidate money.USD  `json:"candidate_usd"`
	Incumbent money.USD  `json:"incumbent_usd"`
	Cheaper   bool       `json:"cheaper"`
	Same      bool       `json:"same_weights"`
}

func viewExam(p *learn.ExamPlan) *examView {
	if p == nil {
		return nil
	}
	v := &examView{
		Conversations: p.Conversations, Look: viewLook(p.Look), Detectable: wire.Share(p.Detectable),
		FivePoints: wire.Share(p.FivePoints), Undecidable: wire.OrNull(p.Undecidable),
	}
	if c := p.Cheaper; c != nil {
		v.Cheaper = &cheaperView{wire.Share(c.Margin), money.USD(c.Candidate), money.USD(c.Incumbent), c.Cheaper, c.Same}
	}
	if p.Needed > 0 {
		v.Needed = &p.Needed
	}
	return v
}

func viewEvaluation(e learn.Evaluation) evaluationView {
	r := e.Report
	floors := make(map[string]floorView, len(r.Floors))
	for name, f := range r.Floors {
		difference := [2]wire.Share{wire.Share(f.Low), wire.Share(f.High)}
		floors[name] = floorView{wire.Share(f.Value), wire.Share(f.Floor), difference, f.Passed}
	}
	groups := make(map[string]groupView, len(r.Groups))
	for name, g := range r.Groups {
		interval := [2]wire.Share{wire.Share(g.Low), wire.Share(g.High)}
		groups[name] = groupView{g.Papers, wire.Share(g.WinRate), interval, g.Passed}
	}
	return evaluationView{
		ID: e.ID, Object: "evaluation", Alias: e.Alias, Tune: wire.OrNull(e.Tune), Repeats: wire.OrNull(e.Repeats),
		Candidate: e.Candidate, Incumbent: e.Incumbent,
		Judge: r.Judge, Conversations: r.Conversations, Papers: r.Papers, Wins: r.Wins, Ties: r.Ties,
		Losses:  r.Losses,
		WinRate: wire.Share(r.WinRate), Interval: [2]wire.Share{wire.Share(r.Low), wire.Share(r.High)},
		Margin: wire.Share(r.Margin), Cheaper: wire.Share(r.Cheaper), Bound: wire.Share(r.Bound), LengthEven: wire.Share(r.LengthEven),
		Look: viewLook(r.Look), Agreement: wire.Share(r.Agreement),
		Checked: checkedView{r.Checked, r.CandidateHit, r.IncumbentHit}, Groups: groups, Floors: floors,
		Seed: r.Seed, Decision: r.Decision, Reason: r.Reason, CreatedAt: wire.Seconds(e.Created), PrunedAt: wire.Seconds(e.Pruned),
	}
}

func (h evaluations) list(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "evl_", gate.Known(h.store.Evaluation))
	if err != nil {
		return err
	}
	rows, more, err := h.store.Evaluations(c.Context(), c.Tenant, f, page)
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

// repeat has an evaluation made again of its papers.
func (h evaluations) repeat(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.ObjectBody(c)
	if err != nil {
		return err
	}
	e, err := h.store.Evaluation(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "evaluation")
	}
	input, err := tasks.ParseRepeat(e.ID, body)
	if err != nil {
		return err
	}
	work := job.NewJob{Kind: string(tasks.TuneRepeat), Subject: db.NewID("evl_"), Input: plainjson.Of(input)}
	j, _, err := h.gate.Accept(c, gate.Asked{Job: work, Hash: gate.HashOf(c, body)})
	if err != nil {
		return err
	}
	return h.jobs.accepted(w, c, j)
}

// comparisonView is one held-out prompt as both models answered it. Its id is the experience's.
type comparisonView struct {
	ID           string          `json:"id"`
	Object       string          `json:"object"`
	Evaluation   string          `json:"evaluation"`
	Conversation string          `json:"conversation"`
	Regression   bool            `json:"regression"`
	Outcome      learn.Outcome   `json:"outcome"`
	Candidate    answerView      `json:"candidate"`
	Incumbent    answerView      `json:"incumbent"`
	Check        *checkView      `json:"check"`
	Judged       bool            `json:"judged"`
	Agreed       *bool           `json:"agreed"`
	Judgements   []judgementView `json:"judgements"`
}

// answerView is an answer, null once it is forgotten, with what is wrong with it.
type answerView struct {
	Answer *string      `json:"answer"`
	Bytes  int          `json:"bytes"`
	Faults learn.Faults `json:"faults"`
}

// checkView tells which answers an exact check found right.
type checkView struct {
	Candidate bool `json:"candidate"`
	Incumbent bool `json:"incumbent"`
}

// judgementView is what the judge found in one order.
type judgementView struct {
	ShownFirst string        `json:"shown_first"`
	Outcome    learn.Outcome `json:"outcome"`
	Candidate  wire.Thousand `json:"candidate_score"`
	Incumbent  wire.Thousand `json:"incumbent_score"`
	Reason     *string       `json:"reason"`
}

func viewComparison(evaluation string, p learn.Comparison) comparisonView {
	v := comparisonView{
		ID: p.Experience, Object: "comparison", Evaluation: evaluation, Conversation: p.Conversation,
		Regression: p.Regression, Outcome: p.Outcome, Judged: p.Judged, Judgements: []judgementView{},
		Candidate: answerView{Bytes: p.Bytes[0], Faults: p.Candidate},
		Incumbent: answerView{Bytes: p.Bytes[1], Faults: p.Incumbent},
	}
	if p.Said != nil {
		v.Candidate.Answer, v.Incumbent.Answer = &p.Said.Candidate, &p.Said.Incumbent
	}
	if p.Checked {
		v.Check = &checkView{p.CandidateHit, p.IncumbentHit}
	}
	if p.Judged {
		v.Agreed = &p.Agreed
	}
	for i, o := range p.Orders {
		shown := judgementView{
			ShownFirst: []string{"candidate", "incumbent"}[i%2], Outcome: o.Outcome,
			Candidate: wire.Thousand(o.Candidate), Incumbent: wire.Thousand(o.Incumbent),
		}
		if p.Said != nil && i < len(p.Said.Reasons) {
			shown.Reason = &p.Said.Reasons[i]
		}
		v.Judgements = append(v.Judgements, shown)
	}
	return v
}

// listComparisons shows how the papers of an evaluation came out.
func (h evaluations) listComparisons(w http.ResponseWriter, c *wire.Call) error {
	e, err := h.store.Evaluation(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "evaluation")
	}
	page, err := gate.Paged(c, "exp_", func(ctx context.Context, tenant, id string) error {
		_, err := h.store.Comparison(ctx, tenant, e.ID, id)
		return err
	})
	if err != nil {
		return err
	}
	rows, more, err := h.comparisons(c, e.ID, page)
	if err != nil {
		return err
	}
	view := func(p learn.Comparison) comparisonView { return viewComparison(e.ID, p) }
	return wire.WriteList(w, rows, more, view, func(v comparisonView) string { return v.ID })
}

func (h evaluations) comparisons(c *wire.Call, evaluation string, page db.Page) ([]learn.Comparison, bool, error) {
	query := c.URL.Query()
	f := learn.ComparisonFilter{Outcome: learn.Outcome(query.Get("outcome"))}
	err := wire.OneOf("outcome", string(f.Outcome), string(learn.Win), string(learn.Tie), string(learn.Loss))
	if err != nil {
		return nil, false, err
	}
	for name, into := range map[string]**bool{"lost": &f.Lost, "checked": &f.Checked, "disagreed": &f.Disagreed} {
		word := query.Get(name)
		if err := wire.OneOf(name, word, "true", "false"); err != nil {
			return nil, false, err
		}
		if word != "" {
			*into = new(word == "true")
		}
	}
	return h.store.Comparisons(c.Context(), c.Tenant, evaluation, f, page)
}
