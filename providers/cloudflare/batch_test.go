package cloudflare_test

import (
	"encoding/json"
	"iter"
	"net/http"
	"reflect"
	"testing"
	"time"

	"dreamlab/providers"
)

const llama = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"

// spec is a batch of some conversations.
func spec(model string, conversations ...[]providers.Message) providers.BatchSpec {
	return providers.BatchSpec{
		Name: "dl-1", Model: model, Lines: len(conversations), Window: 24 * time.Hour,
		Requests: iter.Seq2[providers.BatchLine, error](func(yield func(providers.BatchLine, error) bool) {
			for i, messages := range conversations {
				req := request()
				req.Messages = messages
				if !yield(providers.BatchLine{ID: string(rune('a' + i)), Request: req}, nil) {
					return
				}
			}
		}),
	}
}

func batcher(t *testing.T, driver providers.Driver) providers.Batcher {
	t.Helper()
	batches, ok := driver.(providers.Batches)
	if !ok {
		t.Fatal("the driver takes no batches")
	}
	return batches.Batcher()
}

// Some models take a prompt and no messages: what is no single question is left out.
func TestQueuedRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	system, user := providers.TextMessage("system", "Be kind."), providers.TextMessage("user", "Hello")
	said := providers.TextMessage("assistant", "Hi")
	for model, want := range map[string][]any{
		llama: {map[string]any{"prompt": "Be kind.\n\nHello", "max_tokens": 50.0, "external_reference": "a.50"}},
		"@cf/openai/gpt-oss-120b": {
			map[string]any{"messages": []any{map[string]any{"role": "system", "content": "Be kind."}, map[string]any{"role": "user", "content": "Hello"}},
				"max_tokens": 50.0, "external_reference": "a.50"},
			map[string]any{"messages": []any{map[string]any{"role": "user", "content": "Hello"}, map[string]any{"role": "assistant", "content": "Hi"},
				map[string]any{"role": "user", "content": "Hello"}}, "max_tokens": 50.0, "external_reference": "b.50"},
		},
	} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			into := make(chan map[string]any, 1)
			driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var body map[string]any
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.URL.Query().Get("queueRequest") != "true" {
					t.Errorf("%s: %v", r.URL, err)
				}
				into <- body
				answer(200, "application/json", `{"result":{"status":"queued","request_id":"r","model":"m"},"success":true}`)(w, r)
			}), direct)
			made, err := batcher(t, driver).Submit(t.Context(), spec(model,
				[]providers.Message{system, user}, []providers.Message{user, said, user}))
			if err != nil || made.ID != "r" || made.State != providers.BatchQueued || made.Lines != len(want) {
				t.Errorf("submitted %+v, %v", made, err)
			}
			if got := (<-into)["requests"]; !reflect.DeepEqual(got, want) {
				t.Errorf("sent %v, want %v", got, want)
			}
		})
	}
}

// An answer as long as it may be was cut, though it does not say so; what is not ours, and
// what says nothing of its usage, is seen.
func TestQueuedAnswers(t *testing.T) {
	t.Parallel()
	driver := connect(t, answer(200, "application/json", `{"result":{"responses":[`+
		`{"id":0,"success":true,"external_reference":"cut.50","result":{"response":"Hi","usage":{"prompt_tokens":9,"completion_tokens":50,"total_tokens":59}}},`+
		`{"id":1,"success":true,"external_reference":"silent.50","result":{"response":"Hi"}},`+
		`{"id":2,"success":true,"external_reference":null,"result":{"response":"Hi"}},`+
		`{"id":3,"success":true,"external_reference":"another's","result":{"response":"Hi"}},`+
		`{"id":4,"success":false,"external_reference":"full.50","error":"3040: Capacity temporarily exceeded, please try again."},`+
		`{"id":5,"success":false,"external_reference":"lost.50"}],"usage":{"prompt_tokens":20,"completion_tokens":60}},"success":true}`), direct)
	handle := providers.Handle(`{"id":"r","model":"@cf/openai/gpt-oss-120b","name":"dl-1","lines":6}`)
	now, err := batcher(t, driver).Poll(t.Context(), handle)
	if err != nil || now.State != providers.BatchEnded || now.Done != 4 || now.Failed != 2 {
		t.Errorf("%+v, %v", now, err)
	}
	got := map[string]providers.BatchAnswer{}
	err = batcher(t, driver).Results(t.Context(), handle, func(a providers.BatchAnswer) error {
		got[a.ID] = a
		return nil
	})
	if err != nil || len(got) != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	if r := got["cut"].Reply; r == nil || r.Finish != "length" || r.Usage.Output != 50 {
		t.Errorf("cut: %+v", got["cut"])
	}
	if r := got["silent"].Reply; r == nil || r.Finish != "stop" || !r.Usage.Missing {
		t.Errorf("silent: %+v", got["silent"])
	}
	for id, kind := range map[string]providers.Kind{"full": providers.KindCapacity, "lost": providers.KindServer} {
		if e := got[id].Err; e == nil || e.Kind != kind || e.Charge != providers.ChargeNone {
			t.Errorf("%s: %+v", id, e)
		}
	}
}

// What is not listed as queued takes no batches; nothing is found, and nothing cancelled.
func TestWhatQueuedRequestsLack(t *testing.T) {
	t.Parallel()
	handler, _ := start(t)
	b := batcher(t, connect(t, handler, direct))
	for model, want := range map[string]bool{
		llama: true, "@cf/meta/llama-4-scout-17b-16e-instruct": false, "@cf/baai/bge-m3": false,
	} {
		if _, err := b.Batchable(t.Context(), model); (err == nil) != want || !want && providers.KindOf(err) != providers.KindModelGone {
			t.Errorf("%s: %v", model, err)
		}
	}
	if _, _, err := b.Find(t.Context(), spec(llama), time.Time{}); providers.KindOf(err) != providers.KindUnsupported {
		t.Errorf("found: %v", err)
	}
	if _, err := b.Cancel(t.Context(), nil); providers.KindOf(err) != providers.KindUnsupported {
		t.Errorf("cancelled: %v", err)
	}
	large := make([]byte, 11_000_000)
	for i := range large {
		large[i] = 'a'
	}
	_, err := b.Submit(t.Context(), spec(llama, []providers.Message{providers.TextMessage("user", string(large))}))
	if providers.KindOf(err) != providers.KindTooLarge {
		t.Errorf("11 MB: %v", err)
	}
}
