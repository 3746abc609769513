package web

import (
	"net/http"
	"net/url"

	"dreamlab/store/money"
)

// routeView is the targets that an alias's traffic follows.
type routeView struct {
	Alias     string       `json:"alias"`
	Version   int64        `json:"version"`
	Targets   []targetView `json:"targets"`
	Canary    *canaryView  `json:"canary"`
	Reason    string       `json:"reason"`
	Author    string       `json:"author"`
	CreatedAt *int64       `json:"created_at"`
	History   []routeView  `json:"history"`
}

type targetView struct {
	Model  string `json:"model"`
	Weight int    `json:"weight"`
	Tier   int    `json:"tier"`
	Share  float64
}

// canaryView is a canary; of a split that was set by hand, its model and share.
type canaryView struct {
	Model    string  `json:"model"`
	Share    float64 `json:"share"`
	ID       string  `json:"id"`
	Tune     string  `json:"tune"`
	Champion string  `json:"champion"`
	Status   string  `json:"status"`
	Reason   string  `json:"reason"`
	Steps    []int   `json:"steps"`
	Step     int     `json:"step"`
	Until    *int64  `json:"until"`
	Seen     struct {
		Candidate tallyView `json:"candidate"`
		Champion  tallyView `json:"champion"`
		WinRate   float64   `json:"win_rate"`
	} `json:"seen"`
	Pairs *pairsView `json:"pairs"`
}

// pairsView is how answers of both models to the same prompts were judged.
type pairsView struct {
	Judged int64     `json:"judged"`
	Wins   int64     `json:"wins"`
	Ties   int64     `json:"ties"`
	Losses int64     `json:"losses"`
	Shadow int64     `json:"shadow"`
	Budget money.USD `json:"budget_usd"`
	Spent  money.USD `json:"spent_usd"`
}

// tallyView counts a model's conversations.
type tallyView struct {
	Model         string
	Conversations int64 `json:"conversations"`
	Disliked      int64 `json:"disliked"`
	Failed        int64 `json:"failed"`
	Slow          int64 `json:"slow"`
	Refused       int64 `json:"refused"`
	Malformed     int64 `json:"malformed"`
}

// Arms are the two models with what was counted of them.
func (c canaryView) Arms() []tallyView {
	candidate, champion := c.Seen.Candidate, c.Seen.Champion
	candidate.Model, champion.Model = c.Model, c.Champion
	return []tallyView{candidate, champion}
}

// Actions are what its operator can do.
func (c canaryView) Actions() []string {
	switch c.Status {
	case "shadow", "running":
		return []string{"pause", "promote", "abort"}
	case "paused":
		return []string{"resume", "promote", "abort"}
	}
	return []string{"promote", "abort"}
}

// Shared returns the targets with their shares of their tier.
func (r routeView) Shared() []targetView {
	sums := map[int]int{}
	for _, t := range r.Targets {
		sums[t.Tier] += t.Weight
	}
	shared := make([]targetView, len(r.Targets))
	for i, t := range r.Targets {
		if sums[t.Tier] > 0 {
			t.Share = float64(t.Weight) / float64(sums[t.Tier])
		}
		shared[i] = t
	}
	return shared
}

func routesPage(v *visit) error {
	var body list[routeView]
	if err := v.get("/v1/routes", nil, &body); err != nil {
		return err
	}
	return v.show("routes", "Routes", body)
}

// routePageView is an alias's page.
type routePageView struct {
	Route   routeView
	Before  *routeView // what a rollback brings back
	Preview bool
	MaySet  bool
}

func routePage(v *visit) error {
	body, err := v.route()
	if err != nil {
		return err
	}
	return v.show("route", "Route "+body.Route.Alias, body)
}

func (v *visit) route() (*routePageView, error) {
	var body routePageView
	if err := v.get("/v1/routes/"+url.PathEscape(v.r.PathValue("alias")), nil, &body.Route); err != nil {
		return nil, err
	}
	body.MaySet = v.key.Has("admin")
	if len(body.Route.History) > 1 {
		body.Before = &body.Route.History[1]
	}
	return &body, nil
}

// previewRollback says what a rollback would change, and asks whether it should.
func previewRollback(v *visit) error {
	body, err := v.route()
	if err != nil {
		return err
	}
	body.Preview = true
	body.Before = &routeView{}
	at := "/v1/routes/" + url.PathEscape(body.Route.Alias) + "/rollback?preview=true"
	if err := v.ask(http.MethodPost, at, nil, body.Before); err != nil {
		return err
	}
	return v.show("route", "Roll back "+body.Route.Alias, body)
}

func rollBack(v *visit) error {
	alias := url.PathEscape(v.r.PathValue("alias"))
	if err := v.ask(http.MethodPost, "/v1/routes/"+alias+"/rollback", nil, nil); err != nil {
		return err
	}
	return v.done("routes/"+alias, "rolled-back")
}

// moveCanary does to a canary what a button says.
func moveCanary(v *visit) error {
	alias := url.PathEscape(v.r.PathValue("alias"))
	body := map[string]string{"action": v.r.PostFormValue("action")}
	if err := v.ask(http.MethodPost, "/v1/routes/"+alias+"/canary", body, nil); err != nil {
		return err
	}
	return v.done("routes/"+alias, "canary-moved")
}

// modelView is a model that can be asked.
type modelView struct {
	ID   string    `json:"id"`
	Ours modelOurs `json:"dreamlab"`
}

type modelOurs struct {
	Kind       string      `json:"kind"`
	Context    *int        `json:"context_window"`
	Can        []string    `json:"capabilities"`
	Price      *priceView  `json:"price"`
	Lifecycle  lifeView    `json:"lifecycle"`
	Base       *string     `json:"base"`
	Tune       *string     `json:"tune"`
	HostingUSD *money.USD  `json:"hosting_usd_per_hour"`
	Targets    []targetRow `json:"targets"`
}

type targetRow struct{ Model string }

type priceView struct {
	Input  money.USD `json:"input_usd_per_million"`
	Output money.USD `json:"output_usd_per_million"`
}

type lifeView struct {
	State       string  `json:"state"`
	Shutdown    *int64  `json:"shutdown_at"`
	Replacement *string `json:"replacement"`
}

func (v *visit) models() ([]modelView, error) {
	var found list[modelView]
	err := v.get("/v1/models", nil, &found)
	return found.Data, err
}

// modelsView is the catalogue by kinds.
type modelsView struct{ Aliases, Tuned, Catalogue []modelView }

func modelsPage(v *visit) error {
	found, err := v.models()
	if err != nil {
		return err
	}
	var body modelsView
	for _, m := range found {
		side := &body.Catalogue
		switch m.Ours.Kind {
		case "alias":
			side = &body.Aliases
		case "tuned":
			side = &body.Tuned
		}
		*side = append(*side, m)
	}
	return v.show("models", "Models", body)
}
