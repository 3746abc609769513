package databricks_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
)

// request is a short chat.
func request(model string) *providers.Request {
	return &providers.Request{Model: model, Messages: []providers.Message{providers.TextMessage("user", "Hello")}}
}

// The path names the endpoint, and the body does not; a reasoning model's answer is bounded
// by the parameter that it has.
func TestChatOnTheWire(t *testing.T) {
	t.Parallel()
	for model, bound := range map[string]string{base: "max_tokens", "databricks-gpt-5-nano": "max_completion_tokens"} {
		var body map[string]any
		driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/serving-endpoints/"+model+"/invocations" || r.Header.Get("Authorization") == "" {
				t.Errorf("asked %s", r.URL.Path)
			}
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			answer := `{"model":"m","choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],` +
				`"usage":{"prompt_tokens":3,"completion_tokens":1}}`
			if _, err := io.WriteString(w, answer); err != nil {
				t.Error(err)
			}
		}), nil)
		req := request(model)
		req.MaxTokens = 50
		if reply, err := driver.Chat(t.Context(), req, nil); err != nil || reply.Content != "Hi" {
			t.Errorf("%s: %+v, %v", model, reply, err)
		}
		if _, named := body["model"]; named || body[bound] != 50.0 {
			t.Errorf("%s was asked with %v", model, body)
		}
	}
}

// Databricks' codes say what its statuses do not.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status     int
		code, said string
		kind       providers.Kind
		charge     providers.Charge
	}{
		{400, "INVALID_PARAMETER_VALUE", "temperature must be at most 2", providers.KindInvalid, providers.ChargeNone},
		{400, "BAD_REQUEST", "Input is too long: reduce the length of the messages.", providers.KindContext, providers.ChargeNone},
		{401, "UNAUTHENTICATED", "Credential was not sent", providers.KindAuth, providers.ChargeNone},
		{403, "PERMISSION_DENIED", "Invalid access token.", providers.KindAuth, providers.ChargeNone},
		{403, "403", "Invalid access token.", providers.KindAuth, providers.ChargeNone},
		{403, "PERMISSION_DENIED", "You do not have permission", providers.KindPermission, providers.ChargeNone},
		{400, "FEATURE_DISABLED", "AI Runtime is not enabled", providers.KindPermission, providers.ChargeNone},
		{404, "RESOURCE_DOES_NOT_EXIST", "no endpoint", providers.KindModelGone, providers.ChargeNone},
		{429, "REQUEST_LIMIT_EXCEEDED", "REQUEST_LIMIT_EXCEEDED: Exceeded workspace input tokens per minute rate limit for " +
			"databricks-claude-opus-4-8.", providers.KindRateLimit, providers.ChargeNone},
		{429, "RESOURCE_EXHAUSTED", "User defined rate limit(s) exceeded", providers.KindRateLimit, providers.ChargeNone},
		{503, "TEMPORARILY_UNAVAILABLE", "again", providers.KindCapacity, providers.ChargeNone},
		{504, "DEADLINE_EXCEEDED", "late", providers.KindTimeout, providers.ChargeUnknown},
		{500, "INTERNAL_ERROR", "broken", providers.KindServer, providers.ChargeUnknown},
	} {
		driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(c.status)
			if _, err := io.WriteString(w, `{"error_code":"`+c.code+`","message":"`+c.said+`","details":[]}`); err != nil {
				t.Error(err)
			}
		}), nil)
		_, err := driver.Chat(t.Context(), request(base), nil)
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Charge != c.charge || e.RetryAfter != 7*time.Second || !strings.HasPrefix(e.Message, c.said) {
			t.Errorf("%s: %+v, want %s", c.code, err, c.kind)
		}
	}
}
