package bedrock_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"dreamlab/providers"
	"dreamlab/providers/sandbox/lab"
)

// framed writes events, each "name payload", as AWS's own encoder does. A name that
// ends in Exception is an exception's, "error" is an error without a payload.
func framed(t testing.TB, events ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := eventstream.NewEncoder()
	for _, one := range events {
		name, payload, _ := strings.Cut(one, " ")
		var message eventstream.Message
		set := func(name, value string) { message.Headers.Set(name, eventstream.StringValue(value)) }
		switch {
		case name == "error":
			set(":message-type", "error")
			set(":error-code", "InternalFailure")
			set(":error-message", payload)
			payload = ""
		case strings.HasSuffix(name, "Exception"):
			set(":exception-type", name)
			set(":message-type", "exception")
		default:
			set(":event-type", name)
			set(":message-type", "event")
		}
		message.Payload = []byte(payload)
		if err := encoder.Encode(&out, message); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// streaming serves an event stream.
func streaming(body []byte) http.Handler {
	return answer(http.StatusOK, map[string]string{
		"Content-Type": "application/vnd.amazon.eventstream", "X-Amzn-Requestid": "r-1",
	}, string(body))
}

var thoughtful = []string{
	`messageStart {"role":"assistant","p":"abc"}`,
	`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Let me "}},"p":"a"}`,
	`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"see."}}}`,
	`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}}`,
	`contentBlockDelta {"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"aGlk"}}}`,
	`contentBlockStop {"contentBlockIndex":0}`,
	`contentBlockDelta {"contentBlockIndex":2,"delta":{"text":"I ask \u00fcber"}}`,
	`contentBlockDelta {"contentBlockIndex":2,"delta":{"text":" it."}}`,
	`contentBlockStop {"contentBlockIndex":2}`,
	`contentBlockStart {"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"tooluse_1","name":"weather"}}}`,
	`contentBlockDelta {"contentBlockIndex":3,"delta":{"toolUse":{"input":"{\"city\":"}}}`,
	`contentBlockDelta {"contentBlockIndex":3,"delta":{"toolUse":{"input":"\"Oslo\"}"}}}`,
	`contentBlockStop {"contentBlockIndex":3}`,
	`contentBlockStart {"contentBlockIndex":4,"start":{"toolUse":{"toolUseId":"tooluse_2","name":"clock"}}}`,
	`contentBlockStop {"contentBlockIndex":4}`,
	`somethingNew {"unknown":true}`,
	`messageStop {"stopReason":"tool_use"}`,
	`metadata {"usage":{"inputTokens":10,"outputTokens":7,"totalTokens":317,"cacheReadInputTokens":200,` +
		`"cacheWriteInputTokens":100},"metrics":{"latencyMs":9},"serviceTier":{"type":"flex"}}`,
}

func TestStreamIsTranslated(t *testing.T) {
	t.Parallel()
	driver := connect(t, streaming(framed(t, thoughtful...)))
	var chunks []string
	reply, err := driver.Chat(t.Context(), request("?"), func(chunk providers.Chunk) error {
		chunks = append(chunks, string(chunk.Data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if reply.Content != "I ask über it." || reply.Finish != "tool_calls" || reply.RequestID != "r-1" || reply.Model != scout {
		t.Errorf("%+v", reply)
	}
	if want := (providers.Usage{Input: 310, CachedInput: 200, CacheWrite: 100, Output: 7}); reply.Usage != want || reply.Service != "flex" {
		t.Errorf("usage %+v of the tier %q, want %+v of flex", reply.Usage, reply.Service, want)
	}
	all := strings.Join(chunks, "\n")
	for _, part := range []string{
		`"id":"chatcmpl-r-1"`, `"reasoning":"Let me "`, `"signature":"c2ln"`, `"data":"aGlk"`, `"id":"tooluse_1"`,
		`"cache_write_tokens":100`, `"service_tier":"flex"`,
	} {
		if !strings.Contains(all, part) {
			t.Errorf("no chunk holds %s", part)
		}
	}
	var message struct {
		Calls []struct {
			ID       string
			Function struct{ Name, Arguments string }
		} `json:"tool_calls"`
	}
	if err := json.Unmarshal(reply.Message, &message); err != nil || len(message.Calls) != 2 ||
		message.Calls[0].Function.Arguments != `{"city":"Oslo"}` || message.Calls[1].Function.Arguments != "{}" ||
		message.Calls[1].Function.Name != "clock" {
		t.Errorf("message %s, %v", reply.Message, err)
	}
}

// TestStreamsThatEndEarly cuts a stream behind each of its frames, and within one.
func TestStreamsThatEndEarly(t *testing.T) {
	t.Parallel()
	whole := framed(t, thoughtful...)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-20] ^= 1
	bodies := map[string][]byte{"in a frame": whole[:len(whole)-5], "a sum that is wrong": flipped}
	for n := 1; n < len(thoughtful); n++ {
		bodies["behind "+thoughtful[n-1]] = framed(t, thoughtful[:n]...)
	}
	for name, body := range bodies {
		_, err := connect(t, streaming(body)).Chat(t.Context(), request("?"), ignore)
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != providers.KindTruncated || e.Charge != providers.ChargeUnknown {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestUnreadableEvents are passed over where the stream ends in full order.
func TestUnreadableEvents(t *testing.T) {
	t.Parallel()
	bad := `contentBlockDelta {"contentBlockIndex":2,"delta":{"te`
	events := append(append(append([]string{}, thoughtful[:7]...), bad), thoughtful[7:]...)
	reply, err := connect(t, streaming(framed(t, events...))).Chat(t.Context(), request("?"), ignore)
	if err != nil || reply.Content != "I ask über it." {
		t.Errorf("%+v, %v", reply, err)
	}
	driver := scripted(t, lab.Fault{Kind: lab.FaultBadChunk, Chunks: 1})
	if reply, err := driver.Chat(t.Context(), request("Thank you"), ignore); err != nil || reply.Content != "You are welcome!" {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestErrorsInsideOfStreams(t *testing.T) {
	t.Parallel()
	begun := thoughtful[:8]
	used := `metadata {"usage":{"inputTokens":10,"outputTokens":7,"totalTokens":17}}`
	cases := map[string]struct {
		events []string
		kind   providers.Kind
		charge providers.Charge
		code   string
	}{
		"throttled at once": {[]string{`throttlingException {"message":"Too many requests"}`}, providers.KindRateLimit,
			providers.ChargeUnknown, "ThrottlingException"},
		"throttled later": {append(begun[:3:3], `throttlingException {"message":"Too many tokens, please wait"}`),
			providers.KindRateLimit, providers.ChargeUnknown, "ThrottlingException"},
		"model": {append(begun[:8:8], `modelStreamErrorException {"message":"m","originalStatusCode":500,"originalMessage":"o"}`),
			providers.KindServer, providers.ChargeUnknown, "ModelStreamErrorException"},
		"internal": {append(begun[:5:5], `internalServerException {"message":"m"}`), providers.KindServer,
			providers.ChargeUnknown, "InternalServerException"},
		"full": {append(begun[:5:5], `serviceUnavailableException {"message":"m"}`), providers.KindCapacity,
			providers.ChargeUnknown, "ServiceUnavailableException"},
		"invalid": {[]string{`validationException {"message":"Input is too long for requested model."}`},
			providers.KindContext, providers.ChargeUnknown, "ValidationException"},
		"slow": {append(begun[:5:5], `modelTimeoutException {"message":"m"}`), providers.KindTimeout,
			providers.ChargeUnknown, "ModelTimeoutException"},
		"an error": {append(begun[:5:5], `error The service failed`), providers.KindServer,
			providers.ChargeUnknown, "InternalFailure"},
		"malformed": {append(begun[:8:8], `messageStop {"stopReason":"malformed_tool_use"}`, used),
			providers.KindModelOutput, providers.ChargeUsage, "malformed_tool_use"},
		"no JSON": {append(begun[:2:2], `contentBlockDelta {"contentBlock`), providers.KindTruncated,
			providers.ChargeUnknown, ""},
		"an unknown end": {append(begun[:8:8], `messageStop {"stopReason":"bored"}`, used), providers.KindUnreadable,
			providers.ChargeUnknown, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply, err := connect(t, streaming(framed(t, c.events...))).Chat(t.Context(), request("?"), ignore)
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Charge != c.charge || e.Code != c.code {
				t.Errorf("got %+v, want %s charged %s", e, c.kind, c.charge)
			}
			if len(c.events) > 5 && !strings.Contains(string(reply.Message), "Let me see.") {
				t.Errorf("what arrived is lost: %+v", reply)
			}
			if c.charge == providers.ChargeUsage && e.Usage.Output != 7 {
				t.Errorf("usage %+v", e.Usage)
			}
		})
	}
}
