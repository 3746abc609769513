package web

import (
	"net/url"

	"dreamlab/cmd/internal/web/say"
)

// exampleView is a training row.
type exampleView struct {
	ID          string    `json:"id"`
	Alias       string    `json:"alias"`
	Dream       string    `json:"dream"`
	Sources     []string  `json:"sources"`
	Messages    []message `json:"messages"`
	Rejected    *string   `json:"rejected"`
	Score       float64   `json:"score"`
	Verdict     string    `json:"verdict"`
	Author      string    `json:"author"`
	CreatedAt   *int64    `json:"created_at"`
	WithdrawnAt *int64    `json:"withdrawn_at"`
}

// Asked returns the last question.
func (e exampleView) Asked() string { return experienceView{Messages: e.Messages}.Asked() }

// Chosen returns the answer that is trained on.
func (e exampleView) Chosen() string { return experienceView{Messages: e.Messages}.Answer() }

// examplesView is the list of examples.
type examplesView struct{ Examples paged[exampleView] }

func examplesPage(v *visit) error {
	found, err := listed[exampleView](v, "/v1/examples", "dream")
	if err != nil {
		return err
	}
	return v.show("review", "Review", examplesView{found})
}

// examplePageView is an example's page.
type examplePageView struct{ Example exampleView }

func examplePage(v *visit) error {
	var body examplePageView
	if err := v.get("/v1/examples/"+url.PathEscape(v.r.PathValue("id")), nil, &body.Example); err != nil {
		return err
	}
	return v.show("example", "Example "+say.Brief(body.Example.ID), body)
}
