package api

import (
	"context"
	"net/http"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// A tune that starts from a tuned model begins at its price, for the model's own alias; a model or a place that is not
// there, another alias, and what says how to train are refused by the name of the field.
func TestTuneFromATunedModel(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) {
		o.Servable = func(host string) error {
			if host == "nowhere" {
				return tasks.Fail("model_not_found", `"nowhere" serves no tuned models here: groq do`)
			}
			return nil
		}
	})
	r.on(tasks.TuneCurate, func(ctx context.Context, _ *tasks.Run) (*tasks.End, error) { return &tasks.End{}, nil })
	const name = "together/tuned-1"
	must(t, r.store.AddModel(t.Context(), learn.Model{
		Name: name, Tenant: r.tenant("one"), Alias: "assistant", Provider: "together", Base: "together/base", State: "serving",
		Priced: "base",
	}))
	for body, param := range map[string]string{
		`{"model":"together/none"}`:                       "model",
		`{"model":"together/base"}`:                       "model",
		`{"model":"` + name + `","host":"nowhere"}`:       "host",
		`{"model":"` + name + `","alias":"coffee"}`:       "alias",
		`{"model":"` + name + `","base":"together/base"}`: "base",
		`{"host":"groq"}`:                                 "host",
	} {
		got := r.post("/v1/tunes", body)
		if got.status != http.StatusBadRequest || got.field(t, "error", "param") != param {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	made := r.post("/v1/tunes", `{"model":"`+name+`","host":"groq"}`).want(t, http.StatusAccepted, "")
	if made.text(t, "alias") != "assistant" || made.text(t, "base") != "together/base" || made.text(t, "stage") != "price" {
		t.Errorf("%s", made.body)
	}
	id := made.text(t, "id")
	tune, err := r.store.Tune(t.Context(), r.tenant("one"), id)
	must(t, err)
	tune.Training = "ftjob-2"
	tune.State = plainjson.Of(map[string]any{"source": map[string]string{"model": name, "training": "ftjob-1"}})
	must(t, r.store.Tx(t.Context(), db.Synced, func(q *store.Queries) error { return q.SetTune(t.Context(), tune) }))
	shown := r.get("/v1/tunes/"+id).want(t, http.StatusOK, "")
	if shown.text(t, "model") != name || shown.text(t, "fine_tuning_job") != "ftjob-1" {
		t.Errorf("%s", shown.body)
	}
	r.get("/v1/tunes/"+id+"/notebook").want(t, http.StatusConflict, "invalid_request")
}
