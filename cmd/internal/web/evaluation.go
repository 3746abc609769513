package web

import (
	"fmt"
	"maps"
	"net/url"
	"slices"

	"dreamlab/cmd/internal/web/draw"
	"dreamlab/cmd/internal/web/say"
)

// evaluationView is a judged comparison of a candidate with what serves.
type evaluationView struct {
	ID            string               `json:"id"`
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
	WinRate       float64              `json:"win_rate"`
	Interval      [2]float64           `json:"interval"`
	Margin        float64              `json:"margin"`
	LengthEven    float64              `json:"length_controlled_win_rate"`
	Agreement     float64              `json:"agreement"`
	Groups        map[string]groupView `json:"groups"`
	Floors        map[string]floorView `json:"floors"`
	Decision      string               `json:"decision"`
	Reason        string               `json:"reason"`
	CreatedAt     *int64               `json:"created_at"`
}

type groupView struct {
	Papers   int        `json:"papers"`
	WinRate  float64    `json:"win_rate"`
	Interval [2]float64 `json:"interval"`
	Passed   bool       `json:"passed"`
}

type floorView struct {
	Name       string
	Value      float64    `json:"value"`
	Floor      float64    `json:"floor"`
	Difference [2]float64 `json:"difference"`
	Passed     bool       `json:"passed"`
}

// fewest conversations decide anything.
const fewest = 30

// gateView is the plot of a gate, and what it says in one sentence.
type gateView struct {
	Plot     draw.Gate
	Sentence string
	Rows     []gateRow
	Floors   []floorView
}

// gateRow is a line of the table under the plot.
type gateRow struct {
	Name   string
	Rate   float64
	Low    float64
	High   float64
	Papers int
	Passed bool
}

// gate returns the plot of the evaluation.
func (e evaluationView) gate() *gateView {
	line := 0.5 + e.Margin
	g := &gateView{Sentence: e.sentence(line)}
	passed := e.Conversations >= fewest && e.Interval[0] > line
	g.Rows = append(g.Rows, gateRow{"all papers", e.WinRate, e.Interval[0], e.Interval[1], e.Papers, passed})
	for _, name := range slices.Sorted(maps.Keys(e.Groups)) {
		if of := e.Groups[name]; of.Papers > 0 {
			g.Rows = append(g.Rows, gateRow{name, of.WinRate, of.Interval[0], of.Interval[1], of.Papers, of.Passed})
		}
	}
	var marks []draw.Interval
	for _, row := range g.Rows {
		marks = append(marks, draw.Interval{Name: row.Name, Low: row.Low, Point: row.Rate, High: row.High, Good: row.Passed})
	}
	g.Plot = draw.NewGate(marks, line)
	for _, name := range slices.Sorted(maps.Keys(e.Floors)) {
		of := e.Floors[name]
		of.Name = name
		g.Floors = append(g.Floors, of)
	}
	return g
}

// sentence says what the numbers show, and no more.
func (e evaluationView) sentence(line float64) string {
	failed := 0
	for _, f := range e.Floors {
		if !f.Passed {
			failed++
		}
	}
	switch {
	case e.Conversations < fewest:
		return fmt.Sprintf("Too few to decide: %d held-out conversations, and %d are needed.", e.Conversations, fewest)
	case e.Interval[1] < 0.5:
		return fmt.Sprintf("Worse: the candidate is preferred in %s of the papers, and even the upper end of the interval, %s, "+
			"is below a half.", say.Percent(e.WinRate), say.Percent(e.Interval[1]))
	case e.Interval[0] <= line:
		return fmt.Sprintf("Not shown to be better: preferred in %s, but the interval from %s to %s reaches below the gate at %s.",
			say.Percent(e.WinRate), say.Percent(e.Interval[0]), say.Percent(e.Interval[1]), say.Percent(line))
	case failed > 0:
		return fmt.Sprintf("Better in preference (%s), but %d of %d floors do not hold.", say.Percent(e.WinRate), failed, len(e.Floors))
	}
	return fmt.Sprintf("Better: preferred in %s, and the whole interval from %s to %s is above the gate at %s.",
		say.Percent(e.WinRate), say.Percent(e.Interval[0]), say.Percent(e.Interval[1]), say.Percent(line))
}

func evaluationsPage(v *visit) error {
	found, err := listed[evaluationView](v, "/v1/evaluations")
	if err != nil {
		return err
	}
	return v.show("evaluations", "Evaluations", found)
}

// comparisonView is both answers to one held-out question, and how they were judged.
type comparisonView struct {
	ID           string `json:"id"`
	Conversation string `json:"conversation"`
	Outcome      string `json:"outcome"`
	Candidate    struct{ Answer *string }
	Incumbent    struct{ Answer *string }
	Check        *struct{ Candidate, Incumbent bool }
	Judged       bool
	Agreed       *bool
	Judgements   []judgementView
}

type judgementView struct {
	ShownFirst string  `json:"shown_first"`
	Outcome    string  `json:"outcome"`
	Candidate  float64 `json:"candidate_score"`
	Incumbent  float64 `json:"incumbent_score"`
	Reason     *string `json:"reason"`
}

// Split tells whether the judge changed its mind with the order.
func (c comparisonView) Split() bool { return c.Agreed != nil && !*c.Agreed }

// evaluationPageView is an evaluation's page.
type evaluationPageView struct {
	Evaluation evaluationView
	Gate       *gateView
	Papers     paged[comparisonView]
	Choices    []field
}

func evaluationPage(v *visit) error {
	var body evaluationPageView
	if err := v.get("/v1/evaluations/"+url.PathEscape(v.r.PathValue("id")), nil, &body.Evaluation); err != nil {
		return err
	}
	body.Gate = body.Evaluation.gate()
	query := v.r.URL.Query()
	body.Choices = []field{newField("outcome", "Outcome", query.Get("outcome"), "win", "tie", "loss"),
		newField("disagreed", "Orders disagree", query.Get("disagreed"), "true", "false")}
	var err error
	at := "/v1/evaluations/" + url.PathEscape(body.Evaluation.ID) + "/comparisons"
	if body.Papers, err = listed[comparisonView](v, at, "outcome", "disagreed"); err != nil {
		return err
	}
	return v.show("evaluation", "Evaluation "+say.Brief(body.Evaluation.ID), body)
}
