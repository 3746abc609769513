package web

import "net/url"

// standingView is how the learning stands.
type standingView struct {
	Status      string     `json:"status"`
	Dream       *dreamView `json:"dream"`
	Undreamt    int        `json:"pending_experiences"`
	NewExamples int        `json:"new_examples"`
}

func (v *visit) standing() (standingView, error) {
	var s standingView
	return s, v.get("/api/dream_lab/status", nil, &s)
}

// homeView is the first page.
type homeView struct {
	Ready    readyView
	Standing standingView
	Today    spendView
	Chats    spendView
	Saved    savingView
	Lanes    []laneView
	Recent   list[jobView]
	Failed   list[jobView]
	Routes   list[routeView]
	Open     list[exampleView] // one of the examples that nobody has decided on
}

// readyView is what the API depends on.
type readyView struct {
	Status       string                    `json:"status"`
	Dependencies map[string]dependencyView `json:"dependencies"`
}

type dependencyView struct {
	State string  `json:"state"`
	Error *string `json:"error"`
}

// Canaries returns the routes on which a candidate has a share of the traffic.
func (h homeView) Canaries() []routeView {
	var found []routeView
	for _, r := range h.Routes.Data {
		if r.Canary != nil {
			found = append(found, r)
		}
	}
	return found
}

func homePage(v *visit) error {
	var body homeView
	for _, read := range []func(*homeView) error{v.homeHealth, v.homeLearning, v.homeMoney, v.homeWork} {
		if err := read(&body); err != nil {
			return err
		}
	}
	return v.show("home", "Home", body)
}

func (v *visit) homeHealth(h *homeView) error {
	ready, err := v.ready()
	h.Ready = ready
	return err
}

// homeLearning reads how the learning stands, and where it serves.
func (v *visit) homeLearning(h *homeView) (err error) {
	if h.Standing, err = v.standing(); err != nil {
		return err
	}
	if err := v.get("/v1/examples", url.Values{"review": {"open"}, "limit": {"1"}}, &h.Open); err != nil {
		return err
	}
	return v.get("/v1/routes", nil, &h.Routes)
}

func (v *visit) homeMoney(h *homeView) (err error) {
	today, err := v.usage("purpose", 1)
	if err != nil {
		return err
	}
	h.Today = today.Total
	for _, s := range today.Data {
		if s.Group == "chat" {
			h.Chats = s
		}
	}
	h.Saved, err = v.saved()
	return err
}

// homeWork reads what was asked last, and what failed since yesterday.
func (v *visit) homeWork(h *homeView) error {
	var told string
	if err := v.ask("GET", "/metrics", nil, &told); err == nil { // else the page does without the lanes
		h.Lanes = lanesOf(told)
	}
	if err := v.get("/v1/jobs", url.Values{"limit": {"8"}}, &h.Recent); err != nil {
		return err
	}
	return v.get("/v1/jobs", url.Values{"status": {"failed"}, "limit": {"100"}}, &h.Failed)
}
