package emulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
	"dreamlab/providers/vertex/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	here  = "/v1/projects/dreamlab-sandbox/locations/global/"
	chat  = here + "endpoints/openapi/chat/completions"
	flash = "google/gemini-2.5-flash"
)

func start(t *testing.T) *sandboxtest.Rig { return sandboxtest.Start(t, emulator.New, lab.Options{}) }

// token asks for a token with a form.
func token(t *testing.T, rig *sandboxtest.Rig, form url.Values) *sandboxtest.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, rig.URL+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return rig.Send(r)
}

// login returns the Authorization header of a user who has logged in.
func login(t *testing.T, rig *sandboxtest.Rig) string {
	t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {rig.Lab.Credential()}}
	return "Bearer " + rig.Want(token(t, rig, form), 200).Text("access_token")
}

func ask(model string, stream bool) map[string]any {
	return map[string]any{
		"model": model, "stream": stream, "messages": []any{map[string]string{"role": "user", "content": "Thank you"}},
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	rig := start(t)
	bearer := login(t, rig)
	rig.Want(rig.DoAs(bearer, "POST", chat, ask(flash, false)), 200)
	for _, wrong := range []string{"", "Bearer sandbox", "Bearer ya29.x.y", bearer + "x", "Basic " + bearer} {
		rig.DoAs(wrong, "POST", chat, ask(flash, false)).Is(t, 401, "error.status", "UNAUTHENTICATED")
	}
	rig.Lab.Advance(time.Hour)
	rig.DoAs(bearer, "POST", chat, ask(flash, false)).Is(t, 401, "error.code", "401")
	token(t, rig, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}).Is(t, 400, "error", "invalid_grant")
	token(t, rig, url.Values{"grant_type": {"password"}}).Is(t, 400, "error", "unsupported_grant_type")
	for _, assertion := range []string{"", "a.b.c", "e30.e30.e30"} {
		form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
		token(t, rig, form).Is(t, 400, "error", "invalid_grant")
	}
}

// A token outlives a clock that runs fast: its life is that of the client's clock.
func TestTokensOfAFastClock(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.Lab.SetSpeed(3600)
	bearer := login(t, rig)
	rig.Lab.Advance(50 * time.Hour)
	rig.Want(rig.DoAs(bearer, "POST", chat, ask(flash, false)), 200)
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	rig := start(t)
	for path, want := range map[string]int{
		"instance/service-accounts/default/token": 200, "project/project-id": 200, "instance": 200, "nothing": 404,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, rig.URL+"/computeMetadata/v1/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := rig.Send(r); got.Status != http.StatusForbidden {
			t.Errorf("%s without the header: %d", path, got.Status)
		}
		r.Header.Set("Metadata-Flavor", "Google")
		if got := rig.Send(r); got.Status != want || got.Header.Get("Metadata-Flavor") != "Google" {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	rig := start(t)
	bearer := login(t, rig)
	maverick := "meta/llama-4-maverick-17b-128e-instruct-maas"
	longer := ask(maverick, false)
	longer["max_tokens"] = 8193
	none := ask(flash, false)
	none["messages"] = []any{}
	for name, c := range map[string]struct {
		path   string
		body   any
		status int
		word   string
	}{
		"another project":  {strings.Replace(chat, "dreamlab-sandbox", "other", 1), ask(flash, false), 403, "PERMISSION_DENIED"},
		"another place":    {chat, ask(maverick, false), 404, "NOT_FOUND"},
		"no publisher":     {chat, ask("gemini-2.5-flash", false), 400, "INVALID_ARGUMENT"},
		"unknown":          {chat, ask("google/none", false), 404, "NOT_FOUND"},
		"too much output":  {strings.Replace(chat, "global", "us-east5", 1), longer, 400, "INVALID_ARGUMENT"},
		"no messages":      {chat, none, 400, "INVALID_ARGUMENT"},
		"no JSON":          {chat, `{"model":`, 400, "INVALID_ARGUMENT"},
		"a model of texts": {chat, ask("google/gemini-embedding-001", false), 400, "INVALID_ARGUMENT"},
	} {
		rig.DoAs(bearer, "POST", c.path, c.body).Is(t, c.status, "0.error.status", c.word)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	two := map[string]any{"instances": []any{map[string]string{"content": "a"}, map[string]string{"content": "b"}}}
	models := here + "publishers/google/models/"
	rig.DoAs(bearer, "POST", models+"gemini-embedding-001:predict", two).Is(t, 400, "error.status", "INVALID_ARGUMENT")
	rig.DoAs(bearer, "POST", models+"text-embedding-005:predict", two).Is(t, 200, "predictions.1.embeddings.statistics.truncated", "false")
	rig.DoAs(bearer, "POST", models+"gemini-2.5-flash:nothing", two).Is(t, 404, "error.status", "NOT_FOUND")
	if paid := rig.Payment("vertex", flash); paid.Calls != 0 {
		t.Errorf("refusals were billed: %+v", paid)
	}
}

func TestFormsOfFailures(t *testing.T) {
	t.Parallel()
	rig := start(t)
	bearer := login(t, rig)
	rig.Fault(lab.Fault{Vendor: "vertex", Kind: lab.FaultRateLimit, RetryAfter: 37, Times: sandboxtest.Once()})
	got := rig.DoAs(bearer, "POST", chat, ask(flash, false))
	got.Is(t, 429, "error.status", "RESOURCE_EXHAUSTED", "error.details.0.retryDelay", "37s")
	if got.Header.Get("Retry-After") != "" {
		t.Error("the wait stands in a header")
	}
	rig.Fault(lab.Fault{Vendor: "vertex", Kind: lab.FaultStreamError, Chunks: 1, Times: sandboxtest.Once()})
	events, done := rig.DoAs(bearer, "POST", chat, ask(flash, true)).Events(t)
	if last := events[len(events)-1]; done || last.Text("0.error.status") != "UNAVAILABLE" {
		t.Errorf("done %v, the last %s", done, last.Body)
	}
}

func TestUsageAndStream(t *testing.T) {
	t.Parallel()
	rig := start(t)
	bearer := login(t, rig)
	whole := rig.DoAs(bearer, "POST", chat, ask(flash, false))
	whole.Is(t, 200, "usage.completion_tokens", "4", "usage.completion_tokens_details.reasoning_tokens", "32",
		"usage.total_tokens", "43", "usage.extra_properties.google.traffic_type", "ON_DEMAND")
	events, done := rig.DoAs(bearer, "POST", chat, ask(flash, true)).Events(t)
	if last := events[len(events)-1]; !done || last.Text("usage.total_tokens") != "43" || last.Text("choices.0.finish_reason") != "stop" {
		t.Errorf("done %v, the last %s", done, last.Body)
	}
	if paid := rig.Payment("vertex", flash); paid.Calls != 2 || paid.TokensOut != 72 {
		t.Errorf("paid %+v", paid)
	}
	native := here + "publishers/" + strings.Replace(flash, "/", "/models/", 1)
	body := map[string]any{"contents": []any{map[string]any{"role": "user", "parts": []any{map[string]string{"text": "Thank you"}}}}}
	rig.DoAs(bearer, "POST", native+":generateContent", body).Is(t, 200,
		"candidates.0.content.parts.0.text", "You are welcome!", "candidates.0.finishReason", "STOP",
		"usageMetadata.thoughtsTokenCount", "32", "usageMetadata.totalTokenCount", "43")
	events, done = rig.DoAs(bearer, "POST", native+":streamGenerateContent?alt=sse", body).Events(t)
	if last := events[len(events)-1]; done || last.Text("usageMetadata.candidatesTokenCount") != "4" {
		t.Errorf("done %v, the last %s", done, last.Body)
	}
}

func TestPublishersModels(t *testing.T) {
	t.Parallel()
	rig := start(t)
	bearer := login(t, rig)
	first := rig.DoAs(bearer, "GET", "/v1beta1/publishers/google/models", nil)
	first.Is(t, 200, "publisherModels.0.name", "publishers/google/models/gemini-2.5-flash", "nextPageToken", "2")
	second := rig.DoAs(bearer, "GET", "/v1beta1/publishers/google/models?pageToken=2", nil)
	second.Is(t, 200, "publisherModels.0.launchStage", "GA", "nextPageToken", "")
	rig.DoAs(bearer, "GET", "/v1beta1/publishers/google/models/none", nil).Is(t, 404)
}
