package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"dreamlab/cmd/internal/web/say"
	"dreamlab/store/money"
)

// tuneView is a fine-tune from its examples to its promotion.
type tuneView struct {
	ID            string        `json:"id"`
	Job           string        `json:"job"`
	Status        string        `json:"status"`
	Error         *jobError     `json:"error"`
	Alias         string        `json:"alias"`
	Base          string        `json:"base"`
	Stage         string        `json:"stage"`
	Dataset       *string       `json:"dataset"`
	FineTuningJob *string       `json:"fine_tuning_job"`
	Model         *string       `json:"model"`
	Evaluation    *string       `json:"evaluation"`
	Method        *string       `json:"method"`
	MethodReason  *string       `json:"method_reason"`
	Mix           *mixView      `json:"mix"`
	Exam          *examView     `json:"exam"`
	Plan          []offerView   `json:"plan"`
	Decision      *decisionView `json:"decision"`
	CostUSD       money.USD     `json:"cost_usd"`
	CreatedAt     *int64        `json:"created_at"`
	FinishedAt    *int64        `json:"finished_at"`
}

type decisionView struct {
	Promoted bool   `json:"promoted"`
	Reason   string `json:"reason"`
}

// offerView is a way to a tuned model: who trains it, and where it would be served.
type offerView struct {
	Trainer     string    `json:"trainer"`
	Place       string    `json:"place"`
	Base        string    `json:"base"`
	TrainingUSD money.USD `json:"training_usd"`
	HostingUSD  money.USD `json:"hosting_usd"` // a month
	Latency     string    `json:"latency"`
	Forbidden   string    `json:"forbidden"`
	Note        string    `json:"note"`
	Chosen      bool      `json:"chosen"`
}

// Open returns the ways that can be taken.
func (t tuneView) Open() []offerView {
	return t.offers(func(o offerView) bool { return o.Forbidden == "" })
}

// Shut returns the ways that something forbids.
func (t tuneView) Shut() []offerView {
	return t.offers(func(o offerView) bool { return o.Forbidden != "" })
}

func (t tuneView) offers(fits func(offerView) bool) (some []offerView) {
	for _, o := range t.Plan {
		if fits(o) {
			some = append(some, o)
		}
	}
	return some
}

// Word says in a word what was decided. A plan alone decides nothing.
func (d decisionView) Word() string {
	switch {
	case d.Promoted:
		return "Promoted"
	case strings.HasPrefix(d.Reason, "dry run"):
		return "Planned"
	}
	return "Refused"
}

// examView is what an exam can find out, known beforehand.
type examView struct {
	Conversations int     `json:"conversations"`
	Detectable    float64 `json:"detectable_win_rate"`
	Undecidable   *string `json:"undecidable"`
}

// stage is a step of a tune: done, now or ahead.
type stage struct{ Name, State string }

var tuneStages = []string{"curate", "price", "upload", "train", "deploy", "evaluate", "canary"}

// Stages returns the steps with how far the tune is.
func (t tuneView) Stages() []stage {
	steps, state := make([]stage, len(tuneStages)), "done"
	for i, name := range tuneStages {
		switch {
		case name == t.Stage && t.FinishedAt == nil:
			steps[i], state = stage{name, "now"}, "ahead"
			continue
		case name == t.Stage:
			steps[i], state = stage{name, "last"}, "ahead"
			continue
		}
		steps[i] = stage{name, state}
	}
	return steps
}

// tunesView is the list of tunes.
type tunesView struct {
	Tunes    paged[tuneView]
	New      int // examples that no dataset holds yet
	MayStart bool
}

func tunesPage(v *visit) error {
	found, err := listed[tuneView](v, "/v1/tunes")
	if err != nil {
		return err
	}
	standing, err := v.standing()
	if err != nil {
		return err
	}
	return v.show("tunes", "Tunes", tunesView{found, standing.NewExamples, v.key.Has("use")})
}

// tunePageView is a tune's page.
type tunePageView struct {
	Tune   tuneView
	Gate   *gateView
	Events []eventView
	MayEnd bool
}

// eventView is what a trainer said.
type eventView struct {
	Level     string `json:"level"`
	Message   string `json:"message"`
	CreatedAt *int64 `json:"created_at"`
}

func tunePage(v *visit) error {
	var body tunePageView
	if err := v.get("/v1/tunes/"+url.PathEscape(v.r.PathValue("id")), nil, &body.Tune); err != nil {
		return err
	}
	body.MayEnd = v.key.Has("use") && body.Tune.FinishedAt == nil
	if id := body.Tune.FineTuningJob; id != nil {
		var events list[eventView]
		at := "/v1/fine_tuning/jobs/" + url.PathEscape(*id) + "/events"
		if err := v.get(at, url.Values{"limit": {"50"}}, &events); err != nil && !missing(err) {
			return err
		}
		body.Events = events.Data
	}
	if id := body.Tune.Evaluation; id != nil {
		var e evaluationView
		if err := v.get("/v1/evaluations/"+url.PathEscape(*id), nil, &e); err != nil {
			return err
		}
		body.Gate = e.gate()
	}
	return v.show("tune", "Tune "+say.Brief(body.Tune.ID), body)
}

// missing tells whether the API has no such thing.
func missing(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.Status == http.StatusNotFound
}

func startTune(v *visit) error {
	var made tuneView
	ask := entered(v.r, []string{"alias", "method", "budget_usd", "model", "host"}, "min_examples")
	if err := v.ask(http.MethodPost, "/v1/tunes", ask, &made); err != nil {
		return err
	}
	return v.done("tunes/"+made.ID, "started")
}

func cancelTune(v *visit) error { return v.act("/v1/tunes/", "cancel", "tunes/", "cancelled") }
