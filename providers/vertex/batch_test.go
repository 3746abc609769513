package vertex_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/vertex"
)

const maverick = "meta/llama-4-maverick-17b-128e-instruct-maas"

// Batches need a bucket, a model that takes them, and a place that is not global.
func TestWhatTakesBatches(t *testing.T) {
	t.Parallel()
	values := settings("http://127.0.0.1:1")
	delete(values, "GOOGLE_VERTEX_BATCH_BUCKET")
	driver, err := vertex.Vendor.Open(providers.Config{Values: values})
	if _, batches := driver.(providers.Batches); batches || err != nil {
		t.Errorf("without a bucket: batches %v, %v", batches, err)
	}
	for name, c := range map[string]struct {
		model, locations string
		takes            bool
	}{
		"an open model":    {maverick, "meta/=us-east5", true},
		"nowhere":          {maverick, "meta/=global", false},
		"Gemini":           {flash, "google/=us-east5", false},
		"one that may not": {"openai/gpt-oss-20b-maas", "openai/=us-east5", false},
	} {
		values := settings("http://127.0.0.1:1")
		values["GOOGLE_VERTEX_LOCATIONS"] = c.locations
		driver, err := vertex.Vendor.Open(providers.Config{Values: values})
		if err != nil {
			t.Fatal(err)
		}
		_, err = driver.(providers.Batches).Batcher().Batchable(t.Context(), c.model)
		if (err == nil) != c.takes || err != nil && providers.KindOf(err) != providers.KindModelGone {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The files of a batch may have either form of names, and their lines either form of
// errors; what is none of them is left alone.
func TestFormsOfResults(t *testing.T) {
	t.Parallel()
	const object = "projects/dreamlab-sandbox/locations/us-east5/batchPredictionJobs/7"
	const said = `{"choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`
	answers := map[string]string{
		"/token": `{"access_token":"t","expires_in":3599,"token_type":"Bearer"}`,
		"/v1/" + object: `{"name":"` + object + `","state":"JOB_STATE_PARTIALLY_SUCCEEDED",` +
			`"outputInfo":{"gcsOutputDirectory":"gs://dreamlab-batches/vertex/b/out"}}`,
		"/storage/v1/b/dreamlab-batches/o": `{"items":[{"name":"vertex/b/out/predictions_0001.jsonl"},` +
			`{"name":"vertex/b/out/errors_0001.jsonl"},{"name":"vertex/b/out/notes.txt"}]}`,
		"/storage/v1/b/dreamlab-batches/o/vertex/b/out/predictions_0001.jsonl": `{"custom_id":"a","error":"","response":` +
			said + "}\n" + `{"custom_id":"b","error":"","response":{"status_code":200,"body":` + said + "}}\n",
		"/storage/v1/b/dreamlab-batches/o/vertex/b/out/errors_0001.jsonl": `{"custom_id":"c","body":{},` +
			`"error":{"code":8,"message":"words"}}` + "\n" + `{"custom_id":"d","error":"words","response":null}` + "\n" +
			`{"custom_id":"e","error":{"code":3,"message":"words"}}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, found := answers[r.URL.Path]
		if !found {
			t.Errorf("asked %s", r.URL.Path)
		}
		w.Header().Set("Content-Type", "application/json")
		if _, err := io.WriteString(w, body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	driver, err := vertex.Vendor.Open(providers.Config{Values: settings(server.URL), HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]providers.Kind{}
	handle := providers.Handle(`{"job":"` + object + `"}`)
	err = driver.(providers.Batches).Batcher().Results(t.Context(), handle, func(answer providers.BatchAnswer) error {
		got[answer.ID] = ""
		if answer.Err != nil {
			got[answer.ID] = answer.Err.Kind
		} else if answer.Reply.Content != "hello" || answer.Reply.Usage.Output != 1 {
			return errors.New("the answer is another")
		}
		return nil
	})
	want := map[string]providers.Kind{"a": "", "b": "", "c": providers.KindRateLimit, "d": providers.KindServer, "e": providers.KindInvalid}
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %v, %v", got, err)
	}
	for id, kind := range want {
		if got[id] != kind {
			t.Errorf("%s is %q, want %q", id, got[id], kind)
		}
	}
}
