package bedrock_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/bedrock/emulator"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
)

// TestExceptions are AWS's by their names, as they come in the header or in the body.
func TestExceptions(t *testing.T) {
	t.Parallel()
	cases := []struct {
		status  int
		name    string
		message string
		kind    providers.Kind
		param   string
		charge  providers.Charge
	}{
		{400, "ValidationException", "The provided request is not valid", providers.KindInvalid, "", providers.ChargeNone},
		{400, "ValidationException", "Input is too long for requested model.", providers.KindContext, "", providers.ChargeNone},
		{400, "ValidationException", "The provided model identifier is invalid.", providers.KindModelGone, "", providers.ChargeNone},
		{400, "ValidationException", "Invocation of model ID m with on-demand throughput isn’t supported. Retry your request " +
			"with the ID or ARN of an inference profile that contains this model.", providers.KindModelGone, "", providers.ChargeNone},
		{400, "ValidationException", "This model doesn't support tool use.", providers.KindUnsupported, "tools", providers.ChargeNone},
		{400, "ValidationException", "This model doesn’t support the toolConfig.toolChoice.any field.", providers.KindUnsupported,
			"tool_choice", providers.ChargeNone},
		{400, "ValidationException", "This model doesn't support the outputConfig.textFormat field.", providers.KindUnsupported,
			"response_format", providers.ChargeNone},
		{400, "ValidationException", "This model doesn't support the image content block that you provided.",
			providers.KindUnsupported, "messages.content", providers.ChargeNone},
		{400, "ServiceQuotaExceededException", "q", providers.KindQuota, "", providers.ChargeNone},
		{400, "ConflictException", "c", providers.KindInvalid, "", providers.ChargeNone},
		{403, "AccessDeniedException", "You don't have access to the model with the specified model ID.",
			providers.KindPermission, "", providers.ChargeNone},
		{403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.",
			providers.KindAuth, "", providers.ChargeNone},
		{403, "UnrecognizedClientException", "u", providers.KindAuth, "", providers.ChargeNone},
		{403, "InvalidSignatureException", "i", providers.KindAuth, "", providers.ChargeNone},
		{403, "ExpiredTokenException", "e", providers.KindAuth, "", providers.ChargeNone},
		{404, "ResourceNotFoundException", "r", providers.KindModelGone, "", providers.ChargeNone},
		{408, "ModelTimeoutException", "t", providers.KindTimeout, "", providers.ChargeUnknown},
		{424, "ModelErrorException", "m", providers.KindServer, "", providers.ChargeUnknown},
		{424, "ModelStreamErrorException", "m", providers.KindServer, "", providers.ChargeUnknown},
		{429, "ModelNotReadyException", "n", providers.KindCold, "", providers.ChargeNone},
		{429, "ThrottlingException", "Too many requests, please wait before trying again.", providers.KindRateLimit, "",
			providers.ChargeNone},
		{429, "ThrottlingException", "Too many tokens, please wait before trying again.", providers.KindRateLimit, "",
			providers.ChargeNone},
		{429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", providers.KindQuota, "",
			providers.ChargeNone},
		{500, "InternalServerException", "i", providers.KindServer, "", providers.ChargeUnknown},
		{503, "ServiceUnavailableException", "s", providers.KindCapacity, "", providers.ChargeNone},
	}
	for _, c := range cases {
		body := `{"message":"` + c.message + `"}`
		for form, handler := range map[string]http.Handler{
			"in the header": answer(c.status, map[string]string{"x-amzn-ErrorType": c.name + ":http://internal.amazon.com/"}, body),
			"in the body":   answer(c.status, nil, `{"__type":"com.amazon.bedrock#`+c.name+`","Message":"`+c.message+`"}`),
		} {
			_, err := connect(t, handler).Chat(t.Context(), request("?"), nil)
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Param != c.param || e.Charge != c.charge || e.Code != c.name {
				t.Errorf("%s %s: %+v, want %s %q charged %s", c.name, form, e, c.kind, c.param, c.charge)
			}
		}
	}
}

// scripted opens the driver over an emulator with a fault.
func scripted(t *testing.T, fault lab.Fault) providers.Driver {
	t.Helper()
	l, err := lab.New(lab.Options{Credential: providertest.Key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	fault.Vendor, fault.Model = "bedrock", scout
	if err := l.AddFault(fault); err != nil {
		t.Fatal(err)
	}
	return connect(t, emulator.New(l))
}

func TestEmulatedFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault    lab.Fault
		streamed bool
		kind     providers.Kind
	}{
		"rate limit":   {lab.Fault{Kind: lab.FaultRateLimit}, false, providers.KindRateLimit},
		"capacity":     {lab.Fault{Kind: lab.FaultCapacity}, false, providers.KindCapacity},
		"filter":       {lab.Fault{Kind: lab.FaultFilter}, false, providers.KindContentFilter},
		"status":       {lab.Fault{Kind: lab.FaultStatus, Status: 424}, false, providers.KindServer},
		"garbage":      {lab.Fault{Kind: lab.FaultGarbage}, false, providers.KindUnreadable},
		"lost":         {lab.Fault{Kind: lab.FaultDropAfter}, false, providers.KindServer},
		"truncated":    {lab.Fault{Kind: lab.FaultTruncate, Chunks: 2}, true, providers.KindTruncated},
		"stream error": {lab.Fault{Kind: lab.FaultStreamError, Chunks: 2}, true, providers.KindServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := scripted(t, c.fault)
			var sink providers.Sink
			if c.streamed {
				sink = ignore
			}
			_, err := driver.Chat(t.Context(), request("hello"), sink)
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.RetryAfter != 0 {
				t.Errorf("got %+v, want %s", e, c.kind)
			}
		})
	}
}

// TestRetryTimes are taken where a front says them: Bedrock itself never does.
func TestRetryTimes(t *testing.T) {
	t.Parallel()
	header := map[string]string{"x-amzn-ErrorType": "ThrottlingException", "Retry-After": "3"}
	_, err := connect(t, answer(429, header, `{"message":"m"}`)).Chat(t.Context(), request("?"), nil)
	var e *providers.Error
	if !errors.As(err, &e) || e.RetryAfter != 3*time.Second {
		t.Errorf("%+v", e)
	}
}
