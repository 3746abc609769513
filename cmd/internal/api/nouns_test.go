package api

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// seeded are the ids of one thing of each noun, all of tenant "one".
type seeded struct {
	tenant                                             string
	job, experience, conversation, dream, reflection   string
	example, dataset, tune, evaluation, file, training string
	model, requests, batch                             string
	day                                                string // of the dream
}

// seed puts one of each noun into the store, linked as a night would leave them.
func (r *rig) seed() seeded {
	r.t.Helper()
	ctx := r.t.Context()
	tenant, err := r.store.EnsureTenant(ctx, "one")
	must(r.t, err)
	s := seeded{
		tenant: tenant.ID, experience: db.NewID("exp_"), dream: db.NewID("drm_"),
		reflection: db.NewID("rfl_"),
		example:    db.NewID("exm_"), dataset: db.NewID("ds_"), tune: db.NewID("tun_"),
		evaluation: db.NewID("evl_"),
		file:       db.NewID("file-"), training: db.NewID("ftjob-"), model: "together/tuned",
		requests: db.NewID("file-"), batch: db.NewID("batch_"),
	}
	s.job = r.accepted(s.tenant, tasks.DreamPlan, s.dream, func(ctx context.Context, q *store.Queries,
		job string) error {
		return q.AddDream(ctx, learn.Dream{ID: s.dream, Tenant: s.tenant, Job: job, Mode: "auto", Stage: "done"})
	})
	r.accepted(s.tenant, tasks.TuneCurate, s.tune, func(ctx context.Context, q *store.Queries,
		job string) error {
		return q.AddTune(ctx, learn.Tune{
			ID: s.tune, Tenant: s.tenant, Alias: "assistant", Base: "together/base", Job: job, Stage: "evaluate",
			State: []byte("{}"),
		})
	})
	must(r.t, r.bucket.Create(ctx, blob.DatasetObject("abc"), strings.NewReader("{}\n")))
	must(r.t, r.bucket.Create(ctx, blob.FileObject(s.file), strings.NewReader(oneConversation)))
	must(r.t, r.bucket.Create(ctx, blob.MemoryObject(s.tenant, "mem_1"), strings.NewReader("# Memory\n")))
	dream, err := r.store.Dream(ctx, s.tenant, s.dream)
	must(r.t, err)
	s.day = dream.Created.UTC().Format(time.DateOnly)
	must(r.t, r.bucket.Create(ctx, blob.DreamObject(s.tenant, s.day, s.dream),
		strings.NewReader(`{"id":"`+s.experience+"\"}\n{\"id\":\"exp_other\"}\n")))
	must(r.t, r.store.Tx(ctx, db.Synced, func(q *store.Queries) error { return r.fill(ctx, q, s) }))
	kept, err := r.store.Experience(ctx, s.tenant, s.experience)
	must(r.t, err)
	s.conversation = kept.Conversation
	return s
}

// accepted makes a job with the row of its noun, and waits for its end.
func (r *rig) accepted(tenant string, kind tasks.Kind, subject string,
	write func(ctx context.Context, q *store.Queries, job string) error,
) string {
	r.t.Helper()
	n := job.NewJob{ID: db.NewID("job_"), Tenant: tenant, Kind: string(kind), Subject: subject}
	_, _, err := r.engine.Accept(r.t.Context(), n, func(ctx context.Context,
		q *store.Queries) error {
		return write(ctx, q, n.ID)
	})
	must(r.t, err)
	return r.finished(n.ID).ID
}

func (r *rig) fill(ctx context.Context, q *store.Queries, s seeded) error {
	e := learn.Experience{
		ID: s.experience, Tenant: s.tenant, External: "chat-7", Alias: "assistant",
		Origin: "import",
		Prompt: []byte(`[{"role":"user","content":"hi"}]`), Answer: []byte(`{"role":"assistant","content":"ho"}`),
	}
	e.Seal()
	steps := []func() error{
		func() error { return q.AddExperience(ctx, e) },
		func() error { _, err := q.SealBatch(ctx, s.tenant, s.dream, 10); return err },
		func() error {
			return q.AddReflection(ctx, learn.Reflection{ID: s.reflection, Tenant: s.tenant, Dream: s.dream,
				Lesson:  "be kind",
				Sources: []string{s.experience}, Score: 750})
		},
		func() error {
			return q.AddMemory(ctx, learn.Memory{ID: "mem_1", Tenant: s.tenant, Dream: s.dream,
				Object:  blob.MemoryObject(s.tenant, "mem_1"),
				Lessons: []learn.Lesson{{Text: "be kind", Reflections: []string{s.reflection}, Weight: 1000}}})
		},
		func() error {
			return q.AddExample(ctx, learn.Example{ID: s.example, Tenant: s.tenant, Alias: "assistant", Dream: s.dream,
				Experience: s.experience, Messages: []byte(`[]`), Score: 900, Verdict: "judged", Author: "recorded",
				Content: "c"})
		},
		func() error {
			_, _, err := q.AddDataset(ctx, learn.Dataset{ID: s.dataset, Tenant: s.tenant, Alias: "assistant",
				SHA256: "abc", Rows: 1, Object: blob.DatasetObject("abc"), Manifest: learn.Manifest{Hyper: plainjson.Of(tasks.Hyper{
					Epochs: 3, LearningRate: 1e-4, Multiplier: 1, Rank: 16, Alpha: 32, Seed: 1,
				})}}, []string{s.example})
			return err
		},
		func() error {
			return q.SetTune(ctx, learn.Tune{ID: s.tune, Base: "together/base", Stage: "done", Dataset: s.dataset, Training: s.training,
				Evaluation: s.evaluation, State: []byte("{}"), Decision: &learn.Decision{Promoted: true,
					Reason: "better"}})
		},
		func() error {
			return q.AddEvaluation(ctx, learn.Evaluation{ID: s.evaluation, Tenant: s.tenant, Alias: "assistant",
				Tune:      s.tune,
				Candidate: s.model, Incumbent: "together/base", Report: learn.Report{WinRate: 5125, Low: 4000, High: 6000,
					Floors: map[string]learn.Floor{"refusals": {Value: 9900, Floor: 9000,
						Passed: true}}, Decision: "promote"}})
		},
		func() error {
			return q.AddComparison(ctx, s.tenant, s.evaluation, learn.Comparison{
				Experience: s.experience, Outcome: learn.Win, Judged: true, Agreed: true,
				Orders: []learn.Judgement{{Outcome: learn.Win, Candidate: 900}, {Outcome: learn.Win, Candidate: 800}},
				Said:   &learn.Said{Candidate: "yes", Incumbent: "no", Reasons: []string{"it is right", "better"}},
			})
		},
		func() error {
			_, err := q.AddFile(ctx, learn.File{ID: s.file, Tenant: s.tenant, Filename: "a", Purpose: "fine-tune",
				Object: blob.FileObject(s.file)})
			return err
		},
		func() error { return s.addBatch(ctx, q) },
		func() error {
			return q.AddTraining(ctx, learn.Training{ID: s.training, Tenant: s.tenant, Tune: s.tune, Job: s.job,
				File:     s.file,
				Provider: "together", Base: "base", Status: "running", Spec: plainjson.Of(tasks.TrainingSpec{
					Hyper: tasks.Hyper{Epochs: 3},
					Events: []tasks.TrainingEvent{{Type: "message", Level: "info", Message: "begun",
						Created: time.Unix(5, 0)}},
					Checkpoints: []tasks.TrainingCheckpoint{{ID: "ckpt-1", Step: 9, Created: time.Unix(6, 0)}}})})
		},
		func() error {
			return q.AddModel(ctx, learn.Model{Name: s.model, Tenant: s.tenant, Alias: "assistant",
				Provider: "together",
				Base:     "together/base", Tune: s.tune, Training: s.training, State: "candidate",
				Priced:      "base",
				NanoPerHour: 1})
		},
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

const oneConversation = `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`

// tour is one good call of each route, in an order in which they work.
func tour(t *testing.T, s seeded) []request {
	body, kind := multipartBody(t, [2]string{"file", "{}\n"}, [2]string{"purpose", "fine-tune"})
	return []request{
		{path: "/v1/models"}, {path: "/v1/models/assistant"}, {path: "/v1/models/groq/maker/lead"},
		{path: "/v1/models/" + s.model},
		{method: "POST", path: "/v1/embeddings", body: askVectors},
		{method: "POST", path: "/v1/completions", body: `{"model":"assistant","prompt":"hi"}`},
		{method: "POST", path: "/v1/responses", body: `{"model":"assistant","input":"hi"}`},
		{method: "POST", path: "/v1/messages", body: `{"model":"assistant","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`},
		{method: "POST", path: "/v1/chat/completions", body: askWhole},
		{method: "POST", path: "/v1/files", body: body, header: map[string]string{"Content-Type": kind}},
		{path: "/v1/files"}, {path: "/v1/files/" + s.file},
		{path: "/v1/batches"}, {path: "/v1/batches/" + s.batch},
		{method: "POST", path: "/v1/batches", body: `{"input_file_id":"` + s.requests +
			`","endpoint":"/v1/chat/completions","completion_window":"24h","metadata":{"a":"b"}}`},
		{method: "POST", path: "/v1/batches/" + s.batch + "/cancel"},
		{path: "/v1/fine_tuning/jobs"}, {path: "/v1/fine_tuning/jobs/" + s.training},
		{path: "/v1/fine_tuning/jobs/" + s.training + "/events"}, {path: "/v1/fine_tuning/jobs/" + s.training +
			"/checkpoints"},
		{method: "POST", path: "/v1/fine_tuning/jobs", body: `{"model":"together/base","training_file":"` +
			s.file + `"}`},
		{method: "POST", path: "/v1/fine_tuning/jobs/" + s.training + "/cancel"},
		{method: "POST", path: "/v1/jobs", body: `{"kind":"chat","input":` + askWhole +
			`,"priority":9,"metadata":{"a":"b"}}`},
		{method: "POST", path: "/v1/jobs/bulk", body: `{"action":"retry","filter":{"status":"expired"}}`},
		{path: "/v1/jobs?kind=chat&status=succeeded"}, {path: "/v1/jobs/" + s.job}, {path: "/v1/jobs/" + s.job + "/calls?created_after=5"},
		{method: "POST", path: "/v1/jobs/" + s.job + "/cancel"},
		{method: "POST", path: "/v1/experiences", body: oneConversation},
		{method: "POST", path: "/v1/experiences", body: "{}\n{}\n",
			header: map[string]string{"Content-Type": "application/x-ndjson"}},
		{path: "/v1/experiences?conversation=chat-7"}, {path: "/v1/experiences/" + s.experience},
		{method: "POST", path: "/v1/experiences/" + s.experience + "/feedback",
			body: `{"rating":1,"comment":"good"}`},
		{path: "/v1/dreams"}, {path: "/v1/dreams/" + s.dream}, {method: "POST", path: "/v1/dreams/" + s.dream +
			"/cancel"},
		{path: "/v1/reflections?dream=" + s.dream}, {path: "/v1/reflections/" + s.reflection},
		{path: "/v1/memory"}, {path: "/v1/memory", header: map[string]string{"Accept": "text/markdown"}},
		{path: "/v1/memory/versions"}, {path: "/v1/memory/versions/mem_1"}, {path: "/v1/memory/versions/mem_1?diff=previous"},
		{method: "POST", path: "/v1/memory/versions/mem_1/restore"},
		{path: "/v1/examples?review=open"}, {path: "/v1/examples/" + s.example},
		{path: "/v1/datasets"}, {path: "/v1/datasets/" + s.dataset}, {path: "/v1/datasets/" + s.dataset +
			"/content"},
		{path: "/v1/tunes"}, {path: "/v1/tunes/" + s.tune}, {method: "POST", path: "/v1/tunes/" + s.tune +
			"/cancel"},
		{method: "POST", path: "/v1/tunes", body: `{"alias":"assistant","min_examples":5}`},
		{path: "/v1/evaluations"}, {path: "/v1/evaluations/" + s.evaluation},
		{path: "/v1/evaluations/" + s.evaluation + "/comparisons"},
		{method: "POST", path: "/v1/evaluations/" + s.evaluation + "/repeat", body: `{"budget_usd":1}`},
		{path: "/v1/routes"}, {path: "/v1/routes/assistant"}, {path: "/v1/usage?group_by=purpose"},
		{path: "/v1/usage?group_by=vendor&interval=month&format=csv"}, {path: "/v1/budgets"},
		{path: "/v1/lineage/" + s.experience}, {path: "/v1/lineage/" + s.model},
		{path: "/api/dream_lab/status"}, {path: "/api/dream_lab/memories"}, {path: "/api/dream_lab/training/stats"},
		{path: "/healthz", key: "none"}, {path: "/readyz", key: "none"}, {path: "/metrics",
			key: "none"}, {path: "/openapi.yaml", key: "none"},
	}
}

// Every route answers as the document says: with a key well, without one not
// at all, and with another tenant's as if there were nothing.
func TestEveryRoute(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.vectorize()
	s := r.seed()
	seen := apart()
	call := func(q request, want ...int) answer {
		t.Helper()
		a := r.do(q)
		ok := len(want) == 0 && a.status < 300
		for _, status := range want {
			ok = ok || a.status == status
		}
		if !ok {
			t.Errorf("%s %s: status %d: %s", q.method, q.path, a.status, a.body)
		}
		seen[r.pattern(httptest.NewRequest(methodOf(q), q.path, nil))] = true
		return a
	}
	for _, q := range tour(t, s) {
		call(q)
		if q.key == "none" {
			continue
		}
		q.key = "none"
		call(q, 401)
		q.key = "dl-unknown"
		call(q, 401)
	}
	r.restOfTour(t, s, call)
	for _, line := range routes(r.options, gate.New(gate.Options{}), nil) {
		if !seen[line.Name] {
			t.Errorf("%s was not called", line.Name)
		}
	}
}

// apart are the routes that tests of their own call: streams, and those of signed links and tokens.
func apart() map[string]bool {
	const run = " /v1/tunes/{id}/runs/{run}"
	return map[string]bool{
		"GET /v1/events": true, "POST /v1/events/storage": true, "GET /v1/tunes/{id}/notebook": true, "GET" + run: true,
		"POST" + run: true, "GET" + run + "/data": true, "GET" + run + "/files/{name}": true, "PUT" + run + "/files/{name}": true,
	}
}

func methodOf(q request) string {
	if q.method == "" {
		return "GET"
	}
	return q.method
}

// restOfTour calls what needs another key, or what calls before it made.
func (r *rig) restOfTour(t *testing.T, s seeded, call func(request, ...int) answer) {
	t.Helper()
	for _, verb := range []string{"pause", "resume"} { // it was cancelled
		call(request{method: "POST", path: "/v1/fine_tuning/jobs/" + s.training + "/" + verb}, 409)
	}
	targets := `{"targets":[{"model":"together/base","weight":9,"tier":0},` +
		`{"model":"together/tuned","weight":1,"tier":0}]}`
	call(request{method: "PUT", path: "/v1/routes/assistant", body: targets}, 403)
	set := call(request{method: "PUT", path: "/v1/routes/assistant", body: targets, key: r.admin})
	if share := set.field(t, "canary", "share"); share != 0.1 {
		t.Errorf("canary share %v", share)
	}
	call(request{method: "PUT", path: "/v1/routes/assistant", body: targets, key: r.admin,
		header: map[string]string{"If-Match": `"1"`}}, 412)
	call(request{method: "POST", path: "/v1/routes/assistant/canary", body: `{"action":"pause"}`, key: r.admin}, 409)
	back := call(request{method: "POST", path: "/v1/routes/assistant/rollback", key: r.admin})
	if n := len(back.field(t, "targets").([]any)); n != 1 {
		t.Errorf("rolled back to %s", back.body)
	}
	if version := back.field(t, "version"); version != 3.0 {
		t.Errorf("the rollback is version %v", version)
	}
	call(request{method: "POST", path: "/v1/routes/assistant/rollback", key: r.admin}, 400) // nothing served before
	call(request{path: "/queues/", key: r.admin})
	call(request{path: "/app/"}, 401) // a key is for the API's routes: browsers sign in
	call(request{method: "POST", path: "/app/signin"}, 401)
	key := call(request{method: "POST", path: "/v1/keys", body: `{"name":"app"}`, key: r.admin}).text(t, "id")
	review := request{method: "POST", path: "/v1/examples/" + s.example + "/review", body: `{"verdict":"keep"}`}
	call(review, 403)
	review.key = r.admin
	call(review, 409) // feedback has withdrawn it
	review.method, review.body = "DELETE", ""
	call(review, 409)
	for _, q := range []request{
		{path: "/v1/keys"}, {path: "/v1/keys/" + key}, {method: "PATCH", path: "/v1/keys/" + key, body: `{"name":"b"}`},
		{method: "POST", path: "/v1/keys/" + key + "/rotate"}, {method: "DELETE", path: "/v1/keys/" + key}, {path: "/v1/audit"},
		{path: "/v1/limits"}, {method: "PUT", path: "/v1/limits", body: `{"data":[{"requests_per_minute":60000}]}`},
		{method: "PUT", path: "/v1/budgets", body: `{"data":[{"usd":100,"per":"month"}]}`}, {path: "/v1/webhooks"},
	} {
		q.key = r.admin
		call(q)
	}
	r.restOfWebhooks(t, s, call)
	uploaded, kind := multipartBody(t, [2]string{"purpose", "fine-tune"}, [2]string{"file", "{\"a\":1}\n"})
	file := call(request{method: "POST", path: "/v1/files", body: uploaded,
		header: map[string]string{"Content-Type": kind}}).text(t, "id")
	if got := call(request{path: "/v1/files/" + file + "/content"}); string(got.body) != "{\"a\":1}\n" {
		t.Errorf("the file holds %q", got.body)
	}
	call(request{method: "DELETE", path: "/v1/files/" + file})
	call(request{method: "DELETE", path: "/v1/models/" + s.model, key: r.admin})
	call(request{path: "/v1/files/" + file}, 404)
	dream := call(request{method: "POST", path: "/v1/dreams", body: `{"limit":5}`,
		header: map[string]string{"Prefer": "wait=20"}}, 200)
	call(request{method: "POST", path: "/v1/dreams/" + dream.text(t, "id") + "/undo"})
	call(request{method: "POST", path: "/api/dream_lab/solve", body: `{"task":"Name a colour."}`,
		header: map[string]string{"Prefer": "respond-async"}}, 202)
	legacy := call(request{method: "POST", path: "/api/dream_lab/trigger_dream",
		header: map[string]string{"Prefer": "wait=20"}}, 200)
	stream := call(request{method: "POST", path: "/v1/chat/completions", body: askWhole})
	call(request{path: "/v1/jobs/" + stream.text(t, "dreamlab", "job") + "/stream"})
	call(request{method: "POST", path: "/v1/jobs/" + legacy.text(t, "job") + "/retry"}, 409)
	r.forgetting(s)
	call(request{path: "/v1/experiences/" + s.experience}, 404)
	call(request{method: "DELETE", path: "/v1/conversations/chat-7"}, 404)
	object, err := r.bucket.Stat(t.Context(), blob.DreamObject(s.tenant, s.day, s.dream))
	must(t, err)
	if object.Size != int64(len("{\"id\":\"exp_other\"}\n")) {
		t.Errorf("the dream's object still has %d bytes", object.Size)
	}
}
