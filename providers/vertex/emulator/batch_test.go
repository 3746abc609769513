package emulator_test

import (
	"strings"
	"testing"
	"time"

	"dreamlab/providers/sandbox/lab"
)

const (
	east     = "/v1/projects/dreamlab-sandbox/locations/us-east5/batchPredictionJobs"
	maverick = "publishers/meta/models/llama-4-maverick-17b-128e-instruct-maas"
	upload   = "/upload/storage/v1/b/dreamlab-batches/o?uploadType=media&name=in.jsonl"
	line     = `{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"Thank you"}]}}`
)

func order(model, from, to string) map[string]any {
	return map[string]any{
		"displayName": "b", "model": model, "labels": map[string]string{"k": "v"},
		"inputConfig":  map[string]any{"instancesFormat": "jsonl", "gcsSource": map[string]any{"uris": []string{from}}},
		"outputConfig": map[string]any{"predictionsFormat": "jsonl", "gcsDestination": map[string]any{"outputUriPrefix": to}},
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	rig := start(t)
	bearer := login(t, rig)
	rig.DoAs(bearer, "POST", upload, line+"\n"+strings.Replace(line, `"a"`, `"b"`, 1)).Is(t, 200, "bucket", "dreamlab-batches")
	const in, out = "gs://dreamlab-batches/in.jsonl", "gs://dreamlab-batches/out"
	made := rig.Want(rig.DoAs(bearer, "POST", east, order(maverick, in, out)), 200)
	made.Is(t, 0, "state", "JOB_STATE_PENDING", "displayName", "b", "labels.k", "v")
	job := "/v1/" + made.Text("name")
	rig.DoAs(bearer, "GET", east+`?filter=display_name%3D%22b%22`, nil).Is(t, 200, "batchPredictionJobs.0.name", made.Text("name"))
	rig.DoAs(bearer, "GET", east+`?filter=display_name%3D%22c%22`, nil).Is(t, 200, "batchPredictionJobs.0", "")
	rig.Lab.Advance(20 * time.Minute)
	ended := rig.DoAs(bearer, "GET", job, nil)
	ended.Is(t, 200, "state", "JOB_STATE_SUCCEEDED", "completionStats.successfulCount", "2", "completionStats.failedCount", "0")
	directory, found := strings.CutPrefix(ended.Text("outputInfo.gcsOutputDirectory"), "gs://dreamlab-batches/")
	if !found || !strings.HasPrefix(directory, "out/prediction-llama-4-maverick") {
		t.Errorf("the answers are in %s", directory)
	}
	rig.DoAs(bearer, "GET", "/storage/v1/b/dreamlab-batches/o?prefix=out/", nil).Is(t, 200, "items.0.name", directory+"/predictions.jsonl", "items.1", "")
	got := rig.DoAs(bearer, "GET", "/storage/v1/b/dreamlab-batches/o/"+strings.ReplaceAll(directory, "/", "%2F")+"%2Fpredictions.jsonl?alt=media", nil)
	if lines := strings.Count(string(got.Body), "You are welcome!"); got.Status != 200 || lines != 2 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	rig.DoAs(bearer, "POST", job+":cancel", nil).Is(t, 400, "error.status", "FAILED_PRECONDITION")
	if paid := rig.Payment("vertex", strings.Replace(strings.TrimPrefix(maverick, "publishers/"), "/models/", "/", 1)); paid.Calls != 2 {
		t.Errorf("paid %+v", paid)
	}
}

func TestBatchesThatAreRefused(t *testing.T) {
	t.Parallel()
	rig := start(t)
	bearer := login(t, rig)
	const in, out = "gs://dreamlab-batches/in.jsonl", "gs://dreamlab-batches/out"
	for name, c := range map[string]struct {
		path   string
		body   any
		status int
	}{
		"no file":       {east, order(maverick, in, out), 400},
		"elsewhere":     {strings.Replace(east, "us-east5", "us-central1", 1), order(maverick, in, out), 404},
		"global":        {strings.Replace(east, "us-east5", "global", 1), order("publishers/openai/models/gpt-oss-20b-maas", in, out), 400},
		"Gemini":        {east, order("publishers/google/models/gemini-2.5-flash", in, out), 400},
		"other buckets": {east, order(maverick, "gs://other/in", out), 400},
		"no such job":   {east + "/7:cancel", nil, 404},
		"no method":     {east + "/7", nil, 404},
		"a bucket":      {"/upload/storage/v1/b/other/o?uploadType=media&name=x", "x", 404},
		"no name":       {"/upload/storage/v1/b/dreamlab-batches/o?uploadType=media", "x", 400},
	} {
		if got := rig.DoAs(bearer, "POST", c.path, c.body); got.Status != c.status {
			t.Errorf("%s: got %d %s, want %d", name, got.Status, got.Body, c.status)
		}
	}
	rig.DoAs(bearer, "GET", "/storage/v1/b/dreamlab-batches/o/none?alt=media", nil).Is(t, 404, "error.code", "404")
	rig.DoAs(bearer, "GET", east+"/7", nil).Is(t, 404, "error.status", "NOT_FOUND")
	rig.DoAs(bearer, "POST", upload, "{}")
	made := rig.DoAs(bearer, "POST", east, order(maverick, in, out))
	rig.Lab.Advance(10 * time.Minute)
	rig.DoAs(bearer, "GET", "/v1/"+made.Text("name"), nil).Is(t, 200, "state", "JOB_STATE_FAILED", "error.message", "A line holds no request.")
	if paid := rig.Lab.Payments(); len(paid) != 0 {
		t.Errorf("refusals were billed: %+v", paid)
	}
	rig.Fault(lab.Fault{Vendor: "vertex", Kind: lab.FaultCapacity, Route: "batchPredictionJobs$"})
	rig.DoAs(bearer, "GET", east, nil).Is(t, 503, "error.status", "UNAVAILABLE")
}
