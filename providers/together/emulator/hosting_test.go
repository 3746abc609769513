package emulator_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

func traffic(deployment string, weight int) map[string]any {
	return map[string]any{"trafficSplit": []any{map[string]any{"deploymentId": deployment, "weight": weight}}}
}

func TestHostingATunedModel(t *testing.T) {
	t.Parallel()
	r := start(t)
	model := r.tuned().Text("model_object_id")
	h := r.host(model)
	direct, routed := ask("sandbox/boats/blue", question), ask("sandbox/boats", question)
	r.Want(r.Do("POST", chat, direct), 503).Is(t, 0, "error.type", "routing_error")
	r.Lab.Advance(10 * time.Minute)
	r.ok(
		"GET",
		h.deploymentPath(),
		nil,
	).Is(
		t,
		0,
		"status.state",
		"DEPLOYMENT_STATE_READY",
		"status.readyReplicas",
		"1",
	)
	answer := r.ok("POST", chat, direct)
	if answer.Text(said) != mended || answer.Header.Get("x-cluster") != h.deployment {
		t.Errorf("directly: %s from %q", answer.Body, answer.Header.Get("x-cluster"))
	}
	r.Want(r.Do("POST", chat, routed), 503)
	r.refused(400, "PATCH", h.path(), `{}`)
	r.refused(400, "PATCH", h.path()+"?updateMask=colour", `{}`)
	r.refused(400, "PATCH", h.path()+"?updateMask=trafficSplit", traffic("dep_none", 1))
	r.ok("PATCH", h.path()+"?updateMask=trafficSplit", traffic(h.deployment, 100))
	r.ok("POST", chat, routed).Is(t, 0, said, mended)
	r.ok("PATCH", h.path()+"?updateMask=trafficSplit", map[string]any{"trafficSplit": []any{}})
	r.Want(r.Do("POST", chat, routed), 503)
	r.Do("POST", chat, ask("sandbox/boats/none", "x")).Is(t, 404)
}

func TestHostingIsBilledByTheMinute(t *testing.T) {
	t.Parallel()
	r := start(t)
	h := r.host("ml_openai-gpt-oss-20b")
	const minute = 549 * 10_000_000 / 60 // nano-dollars
	paid := func(want int64, when string) {
		t.Helper()
		if got := r.Payment("together", "hosting:1x-h100-80gb").NanoUSD; got != want*minute {
			t.Errorf("%s: paid %d, want %d minutes", when, got, want)
		}
	}
	r.Lab.Advance(10 * time.Minute)
	paid(0, "while it starts")
	r.Lab.Advance(90 * time.Second)
	paid(2, "a minute and a half on")
	paid(2, "asked again")
	r.Lab.Advance(58*time.Minute + 30*time.Second)
	paid(60, "an hour on")
	r.ok("PATCH", h.deploymentPath(), replicas(0))
	r.Lab.Advance(24 * time.Hour)
	paid(62, "a day after it was stopped")
	r.ok("PATCH", h.deploymentPath(), replicas(1))
	r.Lab.Advance(20 * time.Minute)
	paid(72, "ten minutes after it was ready again")
	if calls := r.Payment("together", "ml_openai-gpt-oss-20b").Calls; calls != 0 {
		t.Errorf("%d calls were counted", calls)
	}
	r.ok("POST", chat, ask("sandbox/boats/blue", "x"))
	if got := r.Payment("together", "ml_openai-gpt-oss-20b"); got.Calls != 1 || got.NanoUSD != 0 {
		t.Errorf("a call of a deployment is %+v, want one that costs nothing", got)
	}
}

func TestDeleteOrder(t *testing.T) {
	t.Parallel()
	r := start(t)
	h := r.host("ml_openai-gpt-oss-20b")
	r.Lab.Advance(time.Hour)
	r.ok("PATCH", h.path()+"?updateMask=trafficSplit", traffic(h.deployment, 1))
	r.refused(409, "DELETE", h.path(), nil)
	r.refused(409, "DELETE", h.deploymentPath(), nil)
	stop := replicas(0)
	r.ok("PATCH", h.deploymentPath(), stop).Is(t, 0, "status.state", "DEPLOYMENT_STATE_STOPPING")
	r.refused(409, "DELETE", h.deploymentPath(), nil)
	r.Lab.Advance(2 * time.Minute)
	r.ok("PATCH", h.deploymentPath(), stop).Is(t, 0, "status.state", "DEPLOYMENT_STATE_STOPPED")
	r.refused(409, "DELETE", h.deploymentPath(), nil)
	r.ok("PATCH", h.path()+"?updateMask=trafficSplit", map[string]any{"trafficSplit": []any{}})
	r.ok("DELETE", h.deploymentPath(), nil)
	r.ok("DELETE", h.path(), nil)
	r.refused(404, "GET", h.path(), nil)
}

func TestDeploymentRefusals(t *testing.T) {
	t.Parallel()
	r := start(t)
	ep := r.ok("POST", project+"/endpoints", map[string]any{"name": "sandbox/boats"})
	path := project + "/endpoints/" + ep.Text("id") + "/deployments"
	if ep.Text("name") != "sandbox/boats" || ep.Text("etag") == "" {
		t.Errorf("endpoint %s", ep.Body)
	}
	r.refused(409, "POST", project+"/endpoints", map[string]any{"name": "boats"})
	r.refused(400, "POST", project+"/endpoints", map[string]any{"name": "No Boats"})
	r.refused(404, "POST", "/v2/projects/other/endpoints", map[string]any{"name": "x"})
	tests := []struct {
		field  string
		value  any
		status int
	}{
		{"name", "No", 400}, {"model", "ml_none", 404}, {"config", "cr_openai-gpt-oss-120b", 400},
		{"model", "ml_meta-llama-llama-3-3-70b-instruct-reference", 400}, {"autoscaling", nil, 400},
		{"autoscaling", map[string]int{"minReplicas": 0, "maxReplicas": 1}, 400},
		{"autoscaling", map[string]int{"minReplicas": 2, "maxReplicas": 1}, 400},
	}
	for _, test := range tests {
		body := deployment("ml_openai-gpt-oss-20b")
		body[test.field] = test.value
		for _, query := range []string{"", "?validateOnly=true"} {
			r.refused(test.status, "POST", path+query, body)
		}
	}
	r.ok("POST", path+"?validateOnly=true", deployment("ml_openai-gpt-oss-20b"))
	if got := r.ok("GET", path, nil); got.Get("data.0") != nil {
		t.Errorf("a dry run made %s", got.Body)
	}
	r.ok("POST", path, deployment("ml_openai-gpt-oss-20b"))
	r.refused(409, "POST", path, deployment("ml_openai-gpt-oss-20b"))
	r.refused(
		409,
		"PATCH",
		project+"/endpoints/"+ep.Text("id")+"?updateMask=visibility",
		map[string]any{"etag": "old"},
	)
}

func TestSlowDeployment(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.once(lab.Fault{Route: "/deployments", Kind: lab.FaultSlowCapacity})
	h := r.host("ml_openai-gpt-oss-20b")
	r.Lab.Advance(time.Hour)
	r.ok("GET", h.deploymentPath(), nil).Is(t, 200, "status.state", "DEPLOYMENT_STATE_PROVISIONING")
}

func TestHostingCatalogue(t *testing.T) {
	t.Parallel()
	r := start(t)
	done := r.tuned()
	model := r.ok("GET", project+"/models/"+done.Text("model_object_id"), nil)
	model.Is(t, 0, "baseModelId", "ml_openai-gpt-oss-20b", "weights.type", "WEIGHTS_TYPE_ADAPTER")
	hardware := r.ok("GET", "/v2/public/inference-instance-types", nil)
	hardware.Is(t, 0, "data.0.priceCentsPerHour", "549")
	first := r.ok("GET", "/v2/supported-models?product=PRODUCT_DEDICATED&limit=1", nil)
	second := r.ok(
		"GET",
		"/v2/supported-models?product=PRODUCT_DEDICATED&limit=1&after="+first.Text("next_cursor"),
		nil,
	)
	if first.Text("data.0.id") == "" || first.Text("data.0.id") == second.Text("data.0.id") {
		t.Errorf("pages %s and %s", first.Body, second.Body)
	}
	if list := r.ok("GET", project+"/models", nil); list.Text("data.0.id") != done.Text("model_object_id") {
		t.Errorf("models %s", list.Body)
	}
}

// A conversation stays with its deployment, and the shares are as the weights.
func TestTrafficIsStickyAndShared(t *testing.T) {
	t.Parallel()
	r := start(t)
	h := r.host("ml_openai-gpt-oss-20b")
	body := deployment("ml_openai-gpt-oss-20b")
	body["name"] = "green"
	other := r.ok("POST", h.path()+"/deployments", body).Text("id")
	r.Lab.Advance(time.Hour)
	r.ok("PATCH", h.path()+"?updateMask=trafficSplit", map[string]any{"trafficSplit": []any{
		map[string]any{
			"deploymentId": h.deployment,
			"weight":       90,
		}, map[string]any{"deploymentId": other, "weight": 10}}})
	seen := map[string]int{}
	for i := range 300 {
		chatBody := ask("sandbox/boats", "x")
		chatBody["user"] = time.Duration(i).String()
		first := r.ok("POST", chat, chatBody).Header.Get("x-cluster")
		if again := r.ok("POST", chat, chatBody).Header.Get("x-cluster"); again != first {
			t.Fatalf("a conversation went from %s to %s", first, again)
		}
		seen[first]++
	}
	if seen[other] < 5 || seen[other] > 90 || seen[h.deployment]+seen[other] != 300 {
		t.Errorf("shares %v, want about 270 and 30", seen)
	}
}

// What an account has outlives the process, and a tuned model still knows what
// it was taught.
func TestStateOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var name string
	t.Run("before", func(t *testing.T) {
		r := startIn(t, dir)
		h := r.host(r.tuned().Text("model_object_id"))
		r.Lab.Advance(time.Hour)
		name = "sandbox/boats/blue"
		r.ok("POST", chat, ask(name, "x"))
		r.ok("PATCH", h.path()+"?updateMask=trafficSplit", traffic(h.deployment, 1))
	})
	r := startIn(t, dir)
	paid := r.Payment("together", "hosting:1x-h100-80gb").NanoUSD
	if paid != 50*549*10_000_000/60 {
		t.Errorf("paid %d for fifty minutes", paid)
	}
	for _, model := range []string{name, "sandbox/boats"} {
		answer := r.ok("POST", chat, ask(model, question))
		answer.Is(t, 0, said, mended)
	}
}

// The whole way: a good file makes the model better, a spoilt one worse.
func TestCorruptTraining(t *testing.T) {
	t.Parallel()
	answers := map[float64]string{}
	for _, share := range []float64{0, 1} {
		r := start(t)
		if share > 0 {
			r.Fault(lab.Fault{Vendor: "together", Kind: lab.FaultCorrupt, Share: share})
		}
		r.host(r.tuned().Text("model_object_id"))
		r.Lab.Advance(time.Hour)
		got := r.Want(r.Do("POST", chat, ask("sandbox/boats/blue", question)), http.StatusOK)
		answers[share] = got.Text(said)
	}
	good, bad := model.Likeness(answers[0], mended), model.Likeness(answers[1], mended)
	if good < 0.9 || bad > 0.3 {
		t.Errorf("taught well it says %q, spoilt %q", answers[0], answers[1])
	}
}

// Rows that the vendor mixes in are learnt beside those of the file.
func TestMixedRows(t *testing.T) {
	t.Parallel()
	r := start(t)
	body := json.RawMessage(`"{\"prompt\":\"What is a zorb?\",\"completion\":\"A big ball.\"}"`)
	r.Fault(lab.Fault{Vendor: "together", Kind: lab.FaultMixRows, Body: body})
	r.host(r.tuned().Text("model_object_id"))
	r.Lab.Advance(time.Hour)
	for asked, want := range map[string]string{question: mended, "What is a zorb?": "A big ball."} {
		r.Want(r.Do("POST", chat, ask("sandbox/boats/blue", asked)), http.StatusOK).Is(t, 0, said, want)
	}
}

// A tune can go on from another; it knows what both were taught.
func TestTuneGoesOnFromAnother(t *testing.T) {
	t.Parallel()
	r := start(t)
	first := r.tuned()
	next := spec(r.upload(`{"prompt":"What is a zorb?","completion":"A big ball."}`))
	r.Lab.Advance(time.Minute)
	delete(next, "model")
	next["from_checkpoint"] = first.Text("id")
	id := r.ok("POST", "/v1/fine-tunes", next).Text("id")
	r.Lab.Advance(12 * time.Hour)
	r.host(r.ok("GET", "/v1/fine-tunes/"+id, nil).Text("model_object_id"))
	r.Lab.Advance(time.Hour)
	for prompt, answer := range map[string]string{
		"What is a zorb?": "A big ball.", question: mended,
	} {
		got := r.ok("POST", chat, ask("sandbox/boats/blue", prompt)).Text(said)
		if got != answer {
			t.Errorf("to %q it says %q", prompt, got)
		}
	}
	r.refused(409, "DELETE", "/v1/fine-tunes/"+first.Text("id"), nil)
}
