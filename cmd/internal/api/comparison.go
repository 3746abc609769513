package api

import (
	"context"
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

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
