package emulator_test

import (
	"encoding/base64"
	"math"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers/openai/emulator"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/sandboxtest"
)

const chat = "/v1/chat/completions"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, flavour emulator.Flavour) *sandboxtest.Rig {
	return sandboxtest.Start(t, func(l *lab.Lab) http.Handler {
		return emulator.NewFlavoured(l, flavour)
	}, lab.Options{})
}

func ask(model, text string, stream bool) map[string]any {
	return map[string]any{
		"model": model, "stream": stream, "stream_options": map[string]any{"include_usage": true},
		"messages": []any{map[string]string{"role": "user", "content": text}},
	}
}

func TestChat(t *testing.T) {
	t.Parallel()
	rig := start(t, emulator.OpenAI)
	for _, model := range []string{"small", "large", "gpt-oss-20b"} {
		got := rig.Want(rig.Do("POST", chat, ask(model, "Thank you", false)), 200)
		got.Is(t, 0, "choices.0.message.content", "You are welcome!", "usage.completion_tokens", "4")
	}
	large := rig.Do("POST", chat, ask("large", "What is the capital of Kenya?", false))
	little := rig.Do("POST", chat, ask("small", "What is the capital of Kenya?", false))
	if !strings.Contains(string(large.Body), "Nairobi") || strings.Contains(string(little.Body), "Nairobi") {
		t.Errorf("the large model says %s, the small one %s", large.Body, little.Body)
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	rig := start(t, emulator.OpenAI)
	events, done := rig.Want(rig.Do("POST", chat, ask("small", "Thank you", true)), 200).Events(t)
	text := ""
	for _, event := range events {
		text += event.Text("choices.0.delta.content")
	}
	last := events[len(events)-1]
	if !done || text != "You are welcome!" || last.Text("usage.total_tokens") != "11" {
		t.Errorf("got %q, done %v, the last %s", text, done, last.Body)
	}
	rig.Fault(lab.Fault{Vendor: "openai", Kind: lab.FaultStreamError, Chunks: 1})
	events, done = rig.Do("POST", chat, ask("small", "Thank you", true)).Events(t)
	if done || events[len(events)-1].Text("error.message") == "" {
		t.Errorf("done %v, the last %s", done, events[len(events)-1].Body)
	}
}

func TestErrorsByFlavour(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 40_000)
	tests := []struct {
		flavour emulator.Flavour
		model   string
		text    string
		status  int
		path    string
		want    string
	}{
		{emulator.OpenAI, "none", "x", 404, "error.code", "model_not_found"},
		{emulator.OpenAI, "small", long, 400, "error.code", "context_length_exceeded"},
		{emulator.VLLM, "none", "x", 404, "error.type", "NotFoundError"},
		{emulator.VLLM, "small", long, 400, "error.code", "400"},
		{emulator.Ollama, "none", "x", 404, "error.message", `model "none" not found, try pulling it first`},
		{emulator.Ollama, "small", long, 200, "choices.0.finish_reason", "stop"},
		{emulator.LlamaCPP, "small", long, 400, "error.n_ctx", "32768"},
		{emulator.LlamaCPP, "none", "x", 404, "error.code", "404"},
	}
	for _, test := range tests {
		t.Run(string(test.flavour)+test.path, func(t *testing.T) {
			t.Parallel()
			rig := start(t, test.flavour)
			got := rig.Do("POST", chat, ask(test.model, test.text, false))
			if got.Status != test.status || got.Text(test.path) != test.want {
				t.Errorf(
					"got %d %.300s, want %d and %s of %s",
					got.Status,
					got.Body,
					test.status,
					test.path,
					test.want,
				)
			}
		})
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	for flavour, says := range map[emulator.Flavour]string{
		emulator.Ollama: "server busy", emulator.LlamaCPP: "Loading model",
		emulator.VLLM: "Service Unavailable",
	} {
		rig := start(t, flavour)
		rig.Fault(lab.Fault{Vendor: "openai", Kind: lab.FaultCapacity})
		got := rig.Do("POST", chat, ask("small", "x", false))
		if got.Status != 503 || !strings.Contains(got.Text("error.message"), says) {
			t.Errorf("%s: got %d %s", flavour, got.Status, got.Body)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for flavour, status := range map[emulator.Flavour]int{
		emulator.OpenAI: 401, emulator.VLLM: 401, emulator.Ollama: 200,
	} {
		rig := start(t, flavour)
		rig.DoAs("", "GET", "/v1/models", nil).Is(t, status)
		rig.Want(rig.DoAs("", "GET", "/health", nil), 200)
	}
}

func TestModels(t *testing.T) {
	t.Parallel()
	rig := start(t, emulator.VLLM)
	got := rig.Want(rig.Do("GET", "/v1/models", nil), 200)
	got.Is(t, 0, "data.0.id", "small", "data.0.max_model_len", "32768")
	rig.Want(rig.Do("GET", "/v1/models/large", nil), 200)
	rig.Want(rig.Do("GET", "/v1/models/none", nil), 404)
	rig.Want(rig.Do("GET", "/v1/none", nil), 404)
}

func TestEmbeddings(t *testing.T) {
	t.Parallel()
	rig := start(t, emulator.OpenAI)
	body := map[string]any{"model": "embed", "input": []string{"green tea", "hot green tea", "a red car"}}
	got := rig.Want(rig.Do("POST", "/v1/embeddings", body), 200)
	vectors := make([][]any, 3)
	for i := range vectors {
		vectors[i], _ = got.Get("data." + string(rune('0'+i)) + ".embedding").([]any)
		if len(vectors[i]) != model.Dimensions || math.Abs(dot(vectors[i], vectors[i])-1) > 1e-3 {
			t.Fatalf("vector %d has %d dimensions and is not of unit length", i, len(vectors[i]))
		}
	}
	if near, far := dot(vectors[0], vectors[1]), dot(vectors[0], vectors[2]); near <= far {
		t.Errorf("like texts are at %.2f, unlike ones at %.2f", near, far)
	}
	body["encoding_format"] = "base64"
	data, err := base64.StdEncoding.DecodeString(
		rig.Do("POST", "/v1/embeddings", body).Text("data.0.embedding"),
	)
	if err != nil || len(data) != 4*model.Dimensions {
		t.Errorf("%d bytes of base64 (%v)", len(data), err)
	}
	rig.Want(rig.Do("POST", "/v1/embeddings", map[string]any{"model": "embed", "input": ""}), 400)
	rig.Want(rig.Do("POST", "/v1/embeddings", map[string]any{"model": "none", "input": "x"}), 404)
	rig.Want(rig.Do("POST", "/v1/embeddings", `{"model":7}`), 400)
}

func dot(a, b []any) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i].(float64) * b[i].(float64)
	}
	return sum
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	rig := start(t, emulator.OpenAI)
	for _, body := range []any{`{`, `{"model":"small","messages":[]}`,
		`{"model":"small","messages":[{"role":"user","content":7}]}`,
		`{"model":"small","n":3,"messages":[{"role":"user","content":"x"}]}`} {
		if got := rig.Do("POST", chat, body); got.Status != 400 || got.Text("error.message") == "" {
			t.Errorf("%v: got %d %s", body, got.Status, got.Body)
		}
	}
}
