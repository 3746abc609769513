package client

import (
	"context"
	"encoding/json"
	"net/url"
)

// Decision is how a tune ended.
type Decision struct {
	Promoted bool   `json:"promoted"`
	Reason   string `json:"reason"`
}

// Tune is a fine-tune from curation to promotion.
type Tune struct {
	ID         string      `json:"id"`
	Job        string      `json:"job"`
	Status     string      `json:"status"`
	Stage      string      `json:"stage"`
	Alias      string      `json:"alias"`
	Base       string      `json:"base"`
	Error      *JobError   `json:"error"`
	Dataset    string      `json:"dataset"`
	Training   string      `json:"fine_tuning_job"`
	Evaluation string      `json:"evaluation"`
	Method     string      `json:"method"` // sft or dpo; "" before its rows were gathered
	Plan       []Offer     `json:"plan"`
	Decision   *Decision   `json:"decision"`
	CostUSD    json.Number `json:"cost_usd"`
}

// Offer is one way to a tuned model that answers.
type Offer struct {
	Trainer     string      `json:"trainer"`
	Place       string      `json:"place"`
	Base        string      `json:"base"`
	TrainingUSD json.Number `json:"training_usd"`
	HostingUSD  json.Number `json:"hosting_usd"` // a month
	Latency     string      `json:"latency"`
	Forbidden   string      `json:"forbidden"`
	Note        string      `json:"note"`
	Chosen      bool        `json:"chosen"`
}

// Ended tells whether the tune is over.
func (t Tune) Ended() bool { return ended(t.Status) }

// TuneRequest is what a tune may be told. Its zero value works.
type TuneRequest struct {
	Alias       string      `json:"alias,omitempty"`
	Base        string      `json:"base,omitempty"`
	MinExamples int         `json:"min_examples,omitempty"`
	BudgetUSD   json.Number `json:"budget_usd,omitempty"`
	DryRun      bool        `json:"dry_run,omitempty"`
	ChatsPerDay int         `json:"chats_per_day,omitempty"`
	Method      string      `json:"method,omitempty"` // sft, dpo or auto
	Beta        float64     `json:"beta,omitempty"`
	Model       string      `json:"model,omitempty"` // a tuned model, to be served at another place
	Host        string      `json:"host,omitempty"`  // the vendor that is to serve it
}

// Tune starts a fine-tune.
func (c *Client) Tune(ctx context.Context, r TuneRequest) (Tune, error) {
	var t Tune
	err := c.post(ctx, "/v1/tunes", r, &t)
	return t, err
}

// WatchTune looks at a tune until it is over.
func (c *Client) WatchTune(ctx context.Context, id string, show func(Tune)) (Tune, error) {
	return watch(ctx, c, "/v1/tunes/"+id, show)
}

// Tunes lists the newest tunes.
func (c *Client) Tunes(ctx context.Context) ([]Tune, error) {
	var page struct{ Data []Tune }
	err := c.get(ctx, "/v1/tunes?limit=5", &page)
	return page.Data, err
}

// Dataset is a frozen set of examples.
type Dataset struct {
	ID     string `json:"id"`
	SHA256 string `json:"sha256"`
	Rows   int64  `json:"rows"`
}

// Dataset returns a dataset without its rows.
func (c *Client) Dataset(ctx context.Context, id string) (Dataset, error) {
	var d Dataset
	err := c.get(ctx, "/v1/datasets/"+id, &d)
	return d, err
}

// Spend is a line of the cost report.
type Spend struct {
	Group    string      `json:"group"`
	Calls    int64       `json:"calls"`
	Reserved json.Number `json:"reserved"`
	Settled  json.Number `json:"settled"`
}

// Usage is what was spent.
type Usage struct {
	Data  []Spend `json:"data"`
	Total Spend   `json:"total"`
}

// Usage returns the spending by day, purpose, provider, model or key.
func (c *Client) Usage(ctx context.Context, by string) (Usage, error) {
	var u Usage
	err := c.get(ctx, "/v1/usage?group_by="+url.QueryEscape(by), &u)
	return u, err
}

// Dependency is one thing that Dream Lab needs.
type Dependency struct {
	State string  `json:"state"`
	Error *string `json:"error"`
}

// Ready is how Dream Lab stands.
type Ready struct {
	Status       string                `json:"status"`
	Sandbox      bool                  `json:"sandbox"`
	Dependencies map[string]Dependency `json:"dependencies"`
}

// Ready asks how Dream Lab stands.
func (c *Client) Ready(ctx context.Context) (Ready, error) {
	var r Ready
	err := c.get(ctx, "/readyz", &r)
	return r, err
}

// Alive asks whether the process answers at all.
func (c *Client) Alive(ctx context.Context) error {
	var answer json.RawMessage
	return c.get(ctx, "/healthz", &answer)
}

// ClockNote is what the clock that starts tunes says of an alias, such as why there is no tune yet.
type ClockNote struct {
	Alias string `json:"alias"`
	Says  string `json:"says"`
	Since int64  `json:"since"` // unix seconds
}

// TuneClock returns what the clock that starts tunes says of each alias with examples.
func TuneClock(ctx context.Context, c *Client) ([]ClockNote, error) {
	var status struct {
		Clock []ClockNote `json:"tune_clock"`
	}
	err := c.get(ctx, "/api/dream_lab/status", &status)
	return status.Clock, err
}
