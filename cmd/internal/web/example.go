package web

import (
	"net/http"
	"net/url"

	"dreamlab/cmd/internal/web/say"
)

// exampleView is a training row.
type exampleView struct {
	ID          string     `json:"id"`
	Alias       string     `json:"alias"`
	Dream       string     `json:"dream"`
	Sources     []string   `json:"sources"`
	Messages    []message  `json:"messages"`
	Rejected    *string    `json:"rejected"`
	Score       float64    `json:"score"`
	Verdict     string     `json:"verdict"`
	Author      string     `json:"author"`
	Review      reviewView `json:"review"`
	CreatedAt   *int64     `json:"created_at"`
	WithdrawnAt *int64     `json:"withdrawn_at"`
}

// reviewView is what a person decided on an example.
type reviewView struct {
	Status     string  `json:"status"`
	Reason     *string `json:"reason"`
	Reviewer   *string `json:"reviewer"`
	ReviewedAt *int64  `json:"reviewed_at"`
}

// Asked returns the last question.
func (e exampleView) Asked() string { return experienceView{Messages: e.Messages}.Asked() }

// Chosen returns the answer that is trained on.
func (e exampleView) Chosen() string { return experienceView{Messages: e.Messages}.Answer() }

// Context returns the turns before the answer.
func (e exampleView) Context() []message { return e.Messages[:max(len(e.Messages)-1, 0)] }

// examplesView is the list of examples.
type examplesView struct {
	Examples  paged[exampleView]
	Choices   []field
	MayReview bool
}

var reviewStates = []string{"open", "kept", "rejected", "edited"}

func examplesPage(v *visit) error {
	found, err := listed[exampleView](v, "/v1/examples", "dream", "review", "alias", "q")
	if err != nil {
		return err
	}
	choice := newField("review", "Decided", v.r.URL.Query().Get("review"), reviewStates...)
	return v.show("review", "Review", examplesView{found, []field{choice}, v.key.Has("review")})
}

// examplePageView is an example's page: where a person decides on it.
type examplePageView struct {
	Example   exampleView
	Last      string // the example that was decided on before
	Left      int    // open examples, up to a page's worth
	More      bool   // there are more
	Reasons   []string
	MayReview bool
}

// rejections are why people reject examples, each with a key of its own from 1 on.
var rejections = []string{"wrong", "incomplete", "unclear", "wrong tone", "private", "out of date"}

func examplePage(v *visit) error {
	body := examplePageView{Last: v.r.URL.Query().Get("last"), Reasons: rejections}
	if err := v.get("/v1/examples/"+url.PathEscape(v.r.PathValue("id")), nil, &body.Example); err != nil {
		return err
	}
	body.MayReview = v.key.Has("review") && body.Example.WithdrawnAt == nil
	var open list[exampleView]
	if err := v.get("/v1/examples", url.Values{"review": {"open"}, "limit": {perPage}}, &open); err != nil {
		return err
	}
	body.Left, body.More = len(open.Data), open.HasMore
	return v.show("example", "Example "+say.Brief(body.Example.ID), body)
}

// nextExample leads to the next open example after one, or to the list where there is none.
func nextExample(v *visit) error { return v.toNext(v.r.URL.Query().Get("after"), "", "") }

func (v *visit) toNext(after, last, note string) error {
	query := url.Values{"review": {"open"}, "limit": {"1"}}
	if after != "" {
		query.Set("after", after)
	}
	var open list[exampleView]
	if err := v.get("/v1/examples", query, &open); err != nil {
		return err
	}
	at := "review"
	if len(open.Data) > 0 {
		at += "/" + open.Data[0].ID
	}
	if last != "" {
		at += "?last=" + url.QueryEscape(last)
	}
	return v.done(at, note)
}

// reviewExample keeps a person's verdict and leads to the next example.
func reviewExample(v *visit) error {
	id := v.r.PathValue("id")
	verdict := map[string]string{"verdict": v.r.PostFormValue("verdict")}
	for _, name := range []string{"reason", "answer"} {
		if text := v.r.PostFormValue(name); text != "" {
			verdict[name] = text
		}
	}
	if err := v.ask(http.MethodPost, "/v1/examples/"+url.PathEscape(id)+"/review", verdict, nil); err != nil {
		return err
	}
	return v.toNext(id, id, "reviewed")
}

// undoReview takes a verdict back and leads to its example.
func undoReview(v *visit) error {
	id := url.PathEscape(v.r.PathValue("id"))
	if err := v.ask(http.MethodDelete, "/v1/examples/"+id+"/review", nil, nil); err != nil {
		return err
	}
	return v.done("review/"+id, "taken-back")
}
