package openai

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
)

// The bodies are as vendors were recorded to send them.
var refusals = map[string]struct {
	status  int
	header  http.Header
	body    string
	kind    providers.Kind
	code    string
	message string // a part of it
	wait    time.Duration
	charge  providers.Charge
}{
	"groq per minute": {
		status: 429,
		body: "{\"error\":{\"message\":\"Rate limit reached for model `openai/gpt-oss-120b` in organization " +
			"`org_x` " +
			"service tier `on_demand` on tokens per minute (TPM): Limit 8000, Used 5297, Requested 4702. " +
			"Please try again in 14.9925s. Need more tokens? Upgrade to Dev Tier today at " +
			"https://console.groq.com/settings/billing\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}",
		kind: providers.KindRateLimit, code: "rate_limit_exceeded", message: "tokens per minute",
		wait: 14992500 * time.Microsecond, charge: providers.ChargeNone,
	},
	"groq milliseconds": {
		status: 429, body: `{"error":{"message":"Please try again in 659.999999ms. ",` +
			`"code":"rate_limit_exceeded"}}`,
		kind: providers.KindRateLimit, code: "rate_limit_exceeded", message: "try again",
		wait: 659999999 * time.Nanosecond, charge: providers.ChargeNone,
	},
	"groq decommissioned": {
		status: 400, body: `{"error":{"message":"The model ` + "`x`" + ` has been decommissioned and is no ` +
			`longer supported.",` +
			`"type":"invalid_request_error","code":"model_decommissioned"}}`,
		kind: providers.KindModelGone, code: "model_decommissioned", message: "decommissioned",
		charge: providers.ChargeNone,
	},
	"a parameter it lacks": {
		status: 422, body: `{"error":{"message":"n above 1 is not supported for this model","param":"n"}}`,
		kind: providers.KindUnsupported, message: "not supported", charge: providers.ChargeNone,
	},
	"a model it lacks": {
		status: 400, body: `{"error":{"message":"this model is not supported","param":"model"}}`,
		kind: providers.KindInvalid, message: "not supported", charge: providers.ChargeNone,
	},
	"a full tier": {
		status: 498, body: `{"error":{"message":"flex tier is full","type":"capacity_exceeded"}}`,
		kind: providers.KindCapacity, code: "capacity_exceeded", message: "full", charge: providers.ChargeNone,
	},
	"groq single request": {
		status: 413, body: `{"error":{"message":"Request too large for model: Limit 8000, Requested 9000",` +
			`"type":"tokens","code":null}}`,
		kind: providers.KindTooLarge, code: "tokens", message: "too large", charge: providers.ChargeNone,
	},
	"together text": {
		status: 503, body: `{"error":"engine overloaded"}`,
		kind: providers.KindCapacity, message: "engine overloaded", charge: providers.ChargeNone,
	},
	"together flat": {
		status: 429, body: `{"message":"slow down","type":"dynamic_token_limited"}`,
		header: http.Header{"X-Ratelimit-Reset": {"3"}},
		kind:   providers.KindRateLimit, code: "dynamic_token_limited", message: "slow down",
		wait: 3 * time.Second, charge: providers.ChargeNone,
	},
	"together payment": {
		status: 402, body: `{"error":{"message":"spending limit","type":"invalid_request_error",` +
			`"param":null,"code":null}}`,
		kind: providers.KindBilling, code: "invalid_request_error", message: "spending",
		charge: providers.ChargeNone,
	},
	"together cloudflare timeout": {
		status: 524, header: http.Header{"Content-Type": {"text/html"}}, body: "<html><title>524</title></html>",
		kind: providers.KindTimeout, message: "no JSON (text/html", charge: providers.ChargeUnknown,
	},
	"cloudflare envelope": {
		status: 408, body: `{"errors":[{"message":"AiError: AiError: Request timeout","code":3046}],` +
			`"success":false,"result":{},"messages":[]}`,
		kind: providers.KindTimeout, code: "3046", message: "Request timeout", charge: providers.ChargeUnknown,
	},
	"cloudflare daily": {
		status: 429, body: `{"errors":[{"message":"you have used up your daily free allocation of 10,000 ` +
			`neurons","code":4006}],"success":false}`,
		kind: providers.KindQuota, code: "4006", message: "daily", charge: providers.ChargeNone,
	},
	"google array": {
		status: 429, body: `[{"error":{"code":429,"message":"Resource exhausted.","status":"RESOURCE_EXHAUSTED",` +
			`"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7s"}]}}]`,
		kind: providers.KindRateLimit, code: "429", message: "exhausted", wait: 7 * time.Second,
		charge: providers.ChargeNone,
	},
	"snowflake throttled": {
		status: 400, body: `{"message":"all requests were throttled by remote service","code":"390189",` +
			`"request_id":"01afef9d"}`,
		kind: providers.KindRateLimit, code: "390189", message: "throttled", charge: providers.ChargeNone,
	},
	"snowflake budget": {
		status: 402, body: `{"message":"budget exceeded","error_code":"390190"}`,
		kind: providers.KindBilling, code: "390190", message: "budget", charge: providers.ChargeNone,
	},
	"vllm number": {
		status: 400, body: `{"error":{"message":"This model's maximum context length is 32768 tokens. ` +
			`However, you requested 40000",` +
			`"type":"BadRequestError","param":null,"code":400}}`,
		kind: providers.KindContext, code: "400", message: "maximum context", charge: providers.ChargeNone,
	},
	"vllm old": {
		status: 404, body: `{"object":"error","message":"The model x does not exist.",` +
			`"type":"NotFoundError","param":null,"code":404}`,
		kind: providers.KindModelGone, code: "404", message: "does not exist", charge: providers.ChargeNone,
	},
	"ollama": {
		status: 404, body: `{"error":{"message":"model \"x\" not found, try pulling it first",` +
			`"type":"not_found_error","param":null,"code":null}}`,
		kind: providers.KindModelGone, code: "not_found_error", message: "try pulling",
		charge: providers.ChargeNone,
	},
	"llama.cpp": {
		status: 400, body: `{"error":{"code":400,"message":"request (13392 tokens) exceeds the available ` +
			`context size (8192 tokens)",` +
			`"type":"exceed_context_size_error","n_prompt_tokens":13392,"n_ctx":8192}}`,
		kind: providers.KindContext, code: "400", message: "13392", charge: providers.ChargeNone,
	},
	"azure filter": {
		status: 400, body: `{"error":{"message":"The response was filtered","type":null,"param":"prompt",` +
			`"code":"content_filter","status":400}}`,
		kind: providers.KindContentFilter, code: "content_filter", message: "filtered",
		charge: providers.ChargeNone,
	},
	"azure rate": {
		status: 429, body: `{"error":{"code":"429","message":"Please retry after 22 seconds. Please go here"}}`,
		kind: providers.KindRateLimit, code: "429", message: "22 seconds", wait: 22 * time.Second,
		charge: providers.ChargeNone,
	},
	"bedrock": {
		status: 403, body: `{"__type":"AccessDeniedException","message":"You don't have access to the model"}`,
		kind: providers.KindPermission, code: "AccessDeniedException", message: "access",
		charge: providers.ChargeNone,
	},
	"fastapi": {
		status: 422, body: `{"detail":[{"loc":["body","model"],"msg":"field required"}]}`,
		kind: providers.KindInvalid, message: "field required", charge: providers.ChargeNone,
	},
	"openai parameter": {
		status: 400, body: `{"error":{"message":"Unsupported parameter: 'n'","type":"invalid_request_error",` +
			`"param":"n","code":"unsupported_parameter"}}`,
		kind: providers.KindUnsupported, code: "unsupported_parameter", message: "'n'",
		charge: providers.ChargeNone,
	},
	"html": {
		status: 502, header: http.Header{"Content-Type": {"text/html"}}, body: "<html><body>502 Bad " +
			"Gateway</body></html>",
		kind: providers.KindServer, message: "no JSON", charge: providers.ChargeUnknown,
	},
	"nothing": {status: 500, kind: providers.KindServer, message: "no JSON", charge: providers.ChargeUnknown},
	"redirect": {
		status: 301, header: http.Header{"Location": {"https://elsewhere.example"}},
		kind: providers.KindServer, message: "mend the base URL", charge: providers.ChargeNone,
	},
	"nested nonsense": {
		status: 400, body: `{"error":{"message":{"deep":1},"code":[1]}}`,
		kind: providers.KindInvalid, message: "gave no reason", charge: providers.ChargeNone,
	},
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, Dialect{}, func(w http.ResponseWriter, _ *http.Request) {
				for key, values := range c.header {
					w.Header()[key] = values
				}
				w.WriteHeader(c.status)
				w.Write([]byte(c.body))
			})
			_, err := client.Chat(t.Context(), hello(), nil)
			var e *providers.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Kind != c.kind || e.Code != c.code || e.Status != c.status || e.Charge != c.charge {
				t.Errorf("got kind %s, code %q, status %d, charge %s; want %s, %q, %d, %s",
					e.Kind, e.Code, e.Status, e.Charge, c.kind, c.code, c.status, c.charge)
			}
			if !strings.Contains(e.Message, c.message) || strings.Contains(e.Message, "secret words") {
				t.Errorf("message %q, want one with %q", e.Message, c.message)
			}
			if e.RetryAfter != c.wait {
				t.Errorf("retry after %v, want %v", e.RetryAfter, c.wait)
			}
			if e.Provider != "test" || e.Model != "m" {
				t.Errorf("the error names %s/%s", e.Provider, e.Model)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		header  map[string]string
		message string
		want    time.Duration
	}{
		"nothing": {nil, "", 0},
		"milliseconds": {map[string]string{"Retry-After-Ms": "1500", "Retry-After": "9"}, "",
			1500 * time.Millisecond},
		"seconds":         {map[string]string{"Retry-After": "2"}, "try again in 9s", 2 * time.Second},
		"part of seconds": {map[string]string{"Retry-After": "0.5"}, "", 500 * time.Millisecond},
		"go duration": {map[string]string{"Retry-After": "2m59.56s"}, "",
			2*time.Minute + 59560*time.Millisecond},
		"date": {map[string]string{"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT"}, "",
			30 * time.Second},
		"date gone by": {map[string]string{"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT"}, "", 0},
		"nonsense":     {map[string]string{"Retry-After": "soon"}, "", 0},
		"negative":     {map[string]string{"Retry-After": "-5"}, "", 0},
		"not a number": {map[string]string{"Retry-After": "NaN"}, "", 0},
		"for ever":     {map[string]string{"Retry-After": "1e300"}, "", 24 * time.Hour},
		"words":        {nil, "Please try again in 7.5s. Thanks", 7500 * time.Millisecond},
		"long words":   {nil, "Please try again in 2m59.56s.", 2*time.Minute + 59560*time.Millisecond},
		"spelled out":  {nil, "Please retry after 22 seconds.", 22 * time.Second},
		"reset of what is used up": {map[string]string{
			"X-Ratelimit-Reset-Requests": "2m59.56s", "X-Ratelimit-Remaining-Requests": "14",
			"X-Ratelimit-Reset-Tokens": "7.66s", "X-Ratelimit-Remaining-Tokens": "0",
		}, "", 7660 * time.Millisecond},
		"soonest reset": {map[string]string{"X-Ratelimit-Reset-Requests": "60",
			"X-Ratelimit-Reset-Tokens": "6"}, "", 6 * time.Second},
		"reset as a date":  {map[string]string{"X-Ratelimit-Reset": "1795435230"}, "", 0},
		"the longest zero": {map[string]string{"X-Ratelimit-Reset": "0"}, "", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := Failure{Status: 429, Header: http.Header{}, Message: c.message}
			for key, value := range c.header {
				f.Header.Set(key, value)
			}
			if got, _ := retryAfter(f, now); got != c.want {
				t.Errorf("wait %v, want %v", got, c.want)
			}
		})
	}
}

func TestEveryStatusHasAKind(t *testing.T) {
	t.Parallel()
	for status := 300; status < 600; status++ {
		f := Failure{Status: status, Header: http.Header{}}
		kind := Words{}.kindOf(f)
		if kind == "" || kind == providers.KindCancelled {
			t.Errorf("status %d has kind %q", status, kind)
		}
		if status >= 500 && !kind.Retryable() {
			t.Errorf("status %d of a failing vendor is %s, which is not tried again", status, kind)
		}
	}
}

func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	client := New(Dialect{Provider: "test", Base: "http://x/v1", Key: "4f9d-verysecret-2c"},
		providers.Config{HTTP: &http.Client{}})
	for _, message := range []string{
		"Incorrect API key provided: tgp_v1_verysecret.", "unknown key 4f9d-verysecret-2c", // of no known form
		"bad gsk_1234567890abcdef", "header was Bearer abc.def",
		"PUT https://storage/x?X-Goog-Signature=deadbeef&y=1", "key sk-proj-*********cret",
	} {
		clean := client.scrub(message)
		for _, secret := range []string{"verysecret", "gsk_1234", "abc.def", "deadbeef", "sk-proj"} {
			if strings.Contains(clean, secret) {
				t.Errorf("%q still holds %s", clean, secret)
			}
		}
	}
	long := client.scrub(strings.Repeat("ä", 400))
	if len(long) > 500 || !strings.HasSuffix(long, "ä") {
		t.Errorf("a long message is cut to %d bytes within a letter", len(long))
	}
}

// TestWordsForTooLong holds what vendors say of a prompt that does not fit.
func TestWordsForTooLong(t *testing.T) {
	t.Parallel()
	for _, words := range []string{
		"This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
		"This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
		"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
		"prompt is too long: 210000 tokens > 200000 maximum",
		"Input is too long for requested model.",
		"`inputs` tokens + `max_new_tokens` must be <= 131072. Given: 130000 `inputs` tokens",
		"the request exceeds the available context size, try increasing it",
		"Please reduce the length of the messages or completion.",
		"too many tokens: total number of tokens in the prompt exceeds the limit",
		"Range of input length should be [1, 30720]",
	} {
		if kind := new(Words).kindOf(Failure{Status: 400, Message: words}); kind != providers.KindContext {
			t.Errorf("%q is %s", words, kind)
		}
		if kind := new(Words).kindOf(Failure{Status: 429, Message: words}); kind != providers.KindRateLimit {
			t.Errorf("%q with 429 is %s", words, kind)
		}
	}
}
