package emulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/providers/sandbox/lab"
)

func TestTuneGoesThroughItsStates(t *testing.T) {
	t.Parallel()
	r := start(t)
	made := r.ok("POST", "/v1/fine-tunes", spec(r.file()))
	path := "/v1/fine-tunes/" + made.Text("id")
	if made.Text("suffix") != "boats" || made.Text("n_epochs") != "2" || made.Get("model_object_id") != nil {
		t.Errorf("made %s", made.Body)
	}
	steps := []struct {
		after  time.Duration
		status string
	}{
		{
			0,
			"pending",
		}, {2 * time.Minute, "queued"}, {4 * time.Minute, "running"}, {89 * time.Minute, "compressing"},
		{10 * time.Minute, "uploading"}, {10 * time.Minute, "completed"}, {1000 * time.Hour, "completed"},
	}
	for _, step := range steps {
		r.Lab.Advance(step.after)
		if got := r.ok("GET", path, nil).Text("status"); got != step.status {
			t.Errorf("%v on it is %s, want %s", step.after, got, step.status)
		}
	}
	done := r.ok("GET", path, nil)
	if !strings.HasPrefix(done.Text("model_object_id"), "ml_") || done.Text("total_price") == "0" ||
		done.Text("steps_completed") != done.Text("total_steps") ||
		!strings.Contains(done.Text("model_output_name"), ":boats:ft-") {
		t.Errorf("done %s", done.Body)
	}
}

func TestTuneStory(t *testing.T) {
	t.Parallel()
	r := start(t)
	id := r.tuned().Text("id")
	events := r.ok("GET", "/v1/fine-tunes/"+id+"/events", nil)
	kinds := []string{}
	list, _ := events.Get("data").([]any)
	for i := range list {
		kinds = append(kinds, events.Text(fmt.Sprintf("data.%d.type", i)))
	}
	if kinds[0] != "job_pending" || kinds[len(kinds)-1] != "job_complete" ||
		!strings.Contains(strings.Join(kinds, " "), "epoch_complete epoch_complete") {
		t.Errorf("events %v", kinds)
	}
	points := r.ok("GET", "/v1/fine-tunes/"+id+"/checkpoints", nil)
	points.Is(t, 0, "data.0.checkpoint_type", "Intermediate", "data.1.checkpoint_type", "Final Merged")
	r.ok("GET", "/v1/fine-tunes/"+id+"/metrics", nil).Is(t, 0, "metrics.0.train/global_step", "1")
	for _, path := range []string{"", "/events", "/checkpoints", "/metrics"} {
		r.refused(404, "GET", "/v1/fine-tunes/ft-none"+path, nil)
	}
}

// The vendor has no idempotency key: who asks twice pays twice.
func TestTwoCreatesAreTwoTunes(t *testing.T) {
	t.Parallel()
	r := start(t)
	file := r.file()
	estimate := r.ok("POST", "/v1/fine-tunes/estimate-price", spec(file))
	r.once(lab.Fault{Method: "POST", Route: "/fine-tunes", Kind: lab.FaultDropAfter})
	if lost := r.Do("POST", "/v1/fine-tunes", spec(file)); lost.Err == nil {
		t.Fatalf("the answer was not lost: %s", lost.Body)
	}
	second := r.ok("POST", "/v1/fine-tunes", spec(file))
	list := r.ok("GET", "/v1/fine-tunes", nil)
	if list.Text("data.0.suffix") != "boats" || list.Text("data.1.suffix") != "boats" ||
		list.Get("data.2") != nil {
		t.Errorf("listed %s", list.Body)
	}
	paid := r.Payment("together", "fine-tune:"+base)
	price := second.Get("total_price").(float64)
	if paid.Calls != 2 || paid.NanoUSD != 2*int64(price) ||
		estimate.Get("estimated_total_price").(float64)*1e9 != price {
		t.Errorf("paid %+v, the price is %v, the estimate %s", paid, price, estimate.Body)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	r := start(t)
	file := r.file()
	early := r.ok("POST", "/v1/fine-tunes", spec(file)).Text("id")
	late := r.ok("POST", "/v1/fine-tunes", spec(file)).Text("id")
	price := r.Payment("together", "fine-tune:"+base).NanoUSD / 2
	r.Lab.Advance(5*time.Minute + 45*time.Minute) // half of its training
	r.ok("POST", "/v1/fine-tunes/"+early+"/cancel", nil).Is(t, 0, "status", "cancel_requested")
	r.Lab.Advance(time.Minute)
	if got := r.ok("GET", "/v1/fine-tunes/"+early, nil); got.Text("status") != "cancelled" ||
		got.Get("model_object_id") != nil {
		t.Errorf("got %s", got.Body)
	}
	r.refused(400, "POST", "/v1/fine-tunes/"+early+"/cancel", nil)
	r.Lab.Advance(55 * time.Minute)
	r.ok("POST", "/v1/fine-tunes/"+late+"/cancel", nil).Is(t, 0, "status", "cancel_requested")
	r.Lab.Advance(10 * time.Minute)
	r.ok("GET", "/v1/fine-tunes/"+late, nil).Is(t, 0, "status", "completed")
	if paid := r.Payment("together", "fine-tune:"+base).NanoUSD; paid != price+price/2 {
		t.Errorf("paid %d, want the price %d and half of it", paid, price)
	}
	r.refused(404, "POST", "/v1/fine-tunes/ft-none/cancel", nil)
}

func TestTuneFailures(t *testing.T) {
	t.Parallel()
	tests := []struct{ kind, status, event string }{
		{lab.FaultFailTraining, "error", "job_error"},
		{lab.FaultUserError, "user_error", "job_user_error"},
	}
	for _, test := range tests {
		t.Run(test.kind, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			r.Fault(lab.Fault{Vendor: "together", Kind: test.kind, Message: "no luck"})
			id := r.ok("POST", "/v1/fine-tunes", spec(r.file())).Text("id")
			r.Lab.Advance(3 * time.Hour)
			r.ok("GET", "/v1/fine-tunes/"+id, nil).Is(t, 0, "status", test.status, "total_price", "0")
			events := string(r.ok("GET", "/v1/fine-tunes/"+id+"/events", nil).Body)
			if !strings.Contains(events, test.event) || !strings.Contains(events, "no luck") ||
				strings.Contains(events, "job_complete") {
				t.Errorf("events %s", events)
			}
			if paid := r.Payment("together", "fine-tune:"+base); paid.NanoUSD != 0 || paid.Calls != 1 {
				t.Errorf("paid %+v", paid)
			}
		})
	}
}

func TestSlowCapacity(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.Fault(lab.Fault{Vendor: "together", Kind: lab.FaultSlowCapacity})
	id := r.ok("POST", "/v1/fine-tunes", spec(r.file())).Text("id")
	r.Lab.Advance(5 * time.Hour)
	if got := r.ok("GET", "/v1/fine-tunes/"+id, nil).Text("status"); got != "queued" {
		t.Errorf("after five hours it is %s", got)
	}
}

func TestSpecIsChecked(t *testing.T) {
	t.Parallel()
	r := start(t)
	file := r.file()
	lora := func(rank, alpha int, dropout float64) map[string]any {
		return map[string]any{"type": "Lora", "lora_r": rank, "lora_alpha": alpha, "lora_dropout": dropout}
	}
	tests := []struct {
		field string
		value any
		param string
	}{
		{
			"training_file",
			"",
			"training_file",
		}, {"model", "a/b", "model"}, {"model", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "model"},
		{"n_epochs", 21, "n_epochs"}, {"n_checkpoints", -1, "n_checkpoints"}, {"n_evals", 1, "n_evals"},
		{
			"learning_rate",
			0,
			"learning_rate",
		}, {"learning_rate", 1, "learning_rate"}, {"batch_size", 4, "batch_size"},
		{
			"batch_size",
			"all",
			"batch_size",
		}, {"suffix", strings.Repeat("x", 65), "suffix"}, {"warmup_ratio", 2, "warmup_ratio"},
		{"max_seq_length", 1 << 20, "max_seq_length"}, {"training_type", lora(65, 8, 0), "training_type"},
		{"training_type", lora(8, 0, 0), "training_type"}, {"training_type", lora(8, 8, 1), "training_type"},
		{"training_type", map[string]any{"type": "Half"}, "training_type"},
		{
			"training_method",
			map[string]any{"method": "ppo"},
			"training_method",
		}, {"from_checkpoint", "ft-x", "model"},
	}
	for _, test := range tests {
		s := spec(file)
		s[test.field] = test.value
		r.Do("POST", "/v1/fine-tunes", s).Is(t, 400, "error.param", test.param)
	}
	r.refused(404, "POST", "/v1/fine-tunes", spec("file-none"))
	r.refused(400, "POST", "/v1/fine-tunes", `{`)
	r.refused(400, "POST", "/v1/fine-tunes", spec(r.upload(boats(2)))) // not processed yet
	if got := r.ok("GET", "/v1/fine-tunes", nil); got.Get("data.0") != nil {
		t.Errorf("a refused tune is there: %s", got.Body)
	}
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	r := start(t)
	file := r.upload(boats(20))
	r.ok(
		"POST",
		"/v1/fine-tunes/estimate-price",
		spec(file),
	).Is(
		t,
		0,
		"unavailable_reason",
		"train_file_not_validated",
	)
	broken := r.upload("oops")
	r.Lab.Advance(time.Minute)
	r.ok(
		"POST",
		"/v1/fine-tunes/estimate-price",
		spec(broken),
	).Is(
		t,
		0,
		"unavailable_reason",
		"train_file_invalid",
	)
	got := r.ok("POST", "/v1/fine-tunes/estimate-price", spec(file))
	if got.Text("allowed_to_proceed") != "true" || got.Text("estimated_train_token_count") == "0" {
		t.Errorf("got %s", got.Body)
	}
	limits := r.ok("GET", "/v1/fine-tunes/models/limits?model_name="+base, nil)
	limits.Is(t, 0, "lora_training.max_rank", "64")
	r.ok("GET", "/v1/fine-tunes/models/supported", nil).Is(t, 0, "models.0", base)
}

func TestTunesAreDeleted(t *testing.T) {
	t.Parallel()
	r := start(t)
	done := r.tuned()
	r.ok("DELETE", "/v1/files/"+done.Text("training_file"), nil)
	running := r.ok("POST", "/v1/fine-tunes", spec(r.file())).Text("id")
	r.refused(400, "DELETE", "/v1/fine-tunes/"+running, nil)
	h := r.host(done.Text("model_object_id"))
	r.refused(409, "DELETE", "/v1/fine-tunes/"+done.Text("id"), nil)
	r.Lab.Advance(time.Hour)
	answer := r.ok("POST", chat, ask("sandbox/boats/blue", question))
	answer.Is(t, 0, said, mended)
	r.ok("PATCH", h.deploymentPath(), replicas(0))
	r.Lab.Advance(time.Hour)
	r.ok("DELETE", h.deploymentPath(), nil)
	r.ok("DELETE", "/v1/fine-tunes/"+done.Text("id"), nil)
	r.refused(404, "GET", "/v1/fine-tunes/"+done.Text("id"), nil)
}
