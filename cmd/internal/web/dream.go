package web

import (
	"net/http"
	"net/url"
	"sort"

	"dreamlab/cmd/internal/web/say"
	"dreamlab/store/money"
)

// dreamView is a dream and its diary.
type dreamView struct {
	ID          string      `json:"id"`
	Job         string      `json:"job"`
	Status      string      `json:"status"`
	Error       *jobError   `json:"error"`
	Mode        string      `json:"mode"`
	DryRun      bool        `json:"dry_run"`
	Stage       string      `json:"stage"`
	Counts      dreamCounts `json:"counts"`
	BudgetUSD   *money.USD  `json:"budget_usd"`
	CostUSD     money.USD   `json:"cost_usd"`
	LiveCostUSD money.USD   `json:"live_cost_usd"`
	Stopped     *string     `json:"stopped"`
	Ahead       *aheadView  `json:"anticipation"`
	Result      *struct {
		Estimate *estimateView `json:"dry_run"`
	} `json:"result"`
	CreatedAt  *int64 `json:"created_at"`
	FinishedAt *int64 `json:"finished_at"`
	UndoneAt   *int64 `json:"undone_at"`
}

// estimateView is what a dream would take, where only that was asked for.
type estimateView struct {
	Experiences int       `json:"experiences"`
	HeldOut     int       `json:"held_out"`
	Screened    int       `json:"screened"`
	Calls       int       `json:"calls"`
	MostUSD     money.USD `json:"cost_usd"`
	ExpectedUSD money.USD `json:"expected_usd"`
}

// aheadView is what dreams answered before it was asked.
type aheadView struct {
	Answers  int64     `json:"answers"`
	Hits     int64     `json:"hits"`
	CostUSD  money.USD `json:"cost_usd"`
	SavedUSD money.USD `json:"saved_usd"`
	Note     *string   `json:"note"`
}

type dreamCounts struct {
	Experiences int            `json:"experiences"`
	Weak        int            `json:"experiences_weak"`
	HeldOut     int            `json:"held_out"`
	Replayed    int            `json:"replayed"`
	Judged      int            `json:"judged"`
	Verified    int            `json:"verified"`
	Reflections int            `json:"reflections"`
	Kept        int            `json:"examples_kept"`
	Improved    int            `json:"examples_improved"`
	Imagined    int            `json:"examples_imagined"`
	Rejected    map[string]int `json:"examples_rejected"`
}

// Saved returns what the dream cost less than live calls would have.
func (d dreamView) Saved() money.USD { return max(d.LiveCostUSD-d.CostUSD, 0) }

// Runs tells whether the dream is under way.
func (d dreamView) Runs() bool { return d.FinishedAt == nil }

// reason is why examples were not kept, and how many.
type reason struct {
	Name  string
	Count int
	Share float64 // of the largest
}

// Reasons returns why examples were not kept, the most frequent first.
func (d dreamView) Reasons() []reason { return ranked(d.Counts.Rejected) }

func ranked(counts map[string]int) []reason {
	var reasons []reason
	for name, n := range counts {
		reasons = append(reasons, reason{Name: name, Count: n})
	}
	sort.Slice(reasons, func(i, j int) bool {
		a, b := reasons[i], reasons[j]
		return a.Count > b.Count || a.Count == b.Count && a.Name < b.Name
	})
	for i := range reasons {
		reasons[i].Share = float64(reasons[i].Count) / float64(reasons[0].Count)
	}
	return reasons
}

// lessonView is a lesson that a dream learned.
type lessonView struct {
	ID          string   `json:"id"`
	Dream       string   `json:"dream"`
	Lesson      string   `json:"lesson"`
	Sources     []string `json:"sources"`
	Score       float64  `json:"score"`
	WithdrawnAt *int64   `json:"withdrawn_at"`
}

// dreamsView is the list of dreams.
type dreamsView struct {
	Dreams   paged[dreamView]
	Undreamt int
	MayStart bool
}

func dreamsPage(v *visit) error {
	dreams, err := listed[dreamView](v, "/v1/dreams", "dry_run")
	if err != nil {
		return err
	}
	standing, err := v.standing()
	if err != nil {
		return err
	}
	return v.show("dreams", "Dreams", dreamsView{dreams, standing.Undreamt, v.key.Has("use")})
}

// dreamPageView is a dream's page.
type dreamPageView struct {
	Dream    dreamView
	Lessons  paged[lessonView]
	Examples list[exampleView]
	MayUndo  bool
	MayEnd   bool
	Preview  *undoView
}

// undoView is what undoing a dream takes back, and what was made of it and stays.
type undoView struct {
	Reflections, Memories, Examples []string
	Experiences                     int
	Datasets, Models                []string
}

func dreamPage(v *visit) error {
	body, err := v.dream()
	if err != nil {
		return err
	}
	return v.show("dream", "Dream "+say.Brief(body.Dream.ID), body)
}

func (v *visit) dream() (*dreamPageView, error) {
	var body dreamPageView
	id := v.r.PathValue("id")
	if err := v.get("/v1/dreams/"+url.PathEscape(id), nil, &body.Dream); err != nil {
		return nil, err
	}
	of := url.Values{"dream": {id}, "limit": {"100"}}
	if err := v.get("/v1/reflections", of, &body.Lessons.list); err != nil {
		return nil, err
	}
	if err := v.get("/v1/examples", url.Values{"dream": {id}, "limit": {"12"}}, &body.Examples); err != nil {
		return nil, err
	}
	mine := v.key.Has("use") && body.Dream.UndoneAt == nil && !(body.Dream.DryRun && !body.Dream.Runs())
	body.MayUndo, body.MayEnd = mine && !body.Dream.Runs(), mine && body.Dream.Runs()
	return &body, nil
}

// previewUndo says what undoing takes back, and asks whether it should.
func previewUndo(v *visit) error {
	body, err := v.dream()
	if err != nil {
		return err
	}
	body.Preview = &undoView{}
	at := "/v1/dreams/" + url.PathEscape(body.Dream.ID) + "/undo?preview=true"
	if err := v.ask(http.MethodPost, at, nil, body.Preview); err != nil {
		return err
	}
	return v.show("dream", "Undo dream "+say.Brief(body.Dream.ID), body)
}

func startDream(v *visit) error {
	var made dreamView
	if err := v.ask(http.MethodPost, "/v1/dreams", entered(v.r, []string{"mode", "budget_usd"}, "limit"), &made); err != nil {
		return err
	}
	return v.done("dreams/"+made.ID, "started")
}

func cancelDream(v *visit) error { return v.act("/v1/dreams/", "cancel", "dreams/", "cancelled") }

func undoDream(v *visit) error { return v.act("/v1/dreams/", "undo", "dreams/", "undone") }

// lessonPage leads to the dream that learned a lesson.
func lessonPage(v *visit) error {
	var l lessonView
	if err := v.get("/v1/reflections/"+url.PathEscape(v.r.PathValue("id")), nil, &l); err != nil {
		return err
	}
	return v.done("dreams/"+l.Dream+"#"+l.ID, "")
}
