package emulator

import (
	"cmp"
	"maps"
	"net/http"

	"dreamlab/providers/sandbox/lab"
)

// invalidRequest is the type of most of Together's errors.
const invalidRequest = "invalid_request_error"

// words is what Together says of a status when the failure brings no words
// (https://docs.together.ai/docs/error-codes).
func words() lab.Words {
	return lab.Words{
		http.StatusBadRequest: {Type: invalidRequest, Message: "Bad request."},
		http.StatusUnauthorized: {Type: invalidRequest, Code: "invalid_api_key", Message: "Invalid API key " +
			"provided. You can find your API key at https://api.together.ai/settings/api-keys."},
		http.StatusPaymentRequired: {Type: invalidRequest, Code: "credit_limit", Message: "Credit limit exceeded, " +
			"please navigate to https://api.together.ai/settings/billing to upgrade your plan."},
		http.StatusForbidden: {Type: invalidRequest, Code: "forbidden", Message: "You may not use this."},
		http.StatusNotFound:  {Type: invalidRequest, Code: "not_found", Message: "Not found."},
		http.StatusConflict:  {Type: invalidRequest, Code: "conflict", Message: "Conflict."},
		http.StatusTooManyRequests: {Type: "dynamic_request_limited", Code: "rate_limit", Message: "Your request " +
			"rate is above this model's dynamic rate limit. Please slow down."},
		http.StatusServiceUnavailable: {Type: "service_unavailable", Code: "overloaded", Message: "The server is " +
			"currently overloaded with other requests."},
		http.StatusInternalServerError: {Type: "server_error", Message: "Internal server error."},
	}
}

// fail writes an error in the form that Together has for it: an object, or a
// mere string where its front answers instead of its API.
func fail(w http.ResponseWriter, f lab.Failure) {
	f = words().Complete(f)
	if f.Status == http.StatusTooManyRequests {
		w.Header().Set("x-ratelimit-reset", cmp.Or(f.RetryAfter, "2"))
	}
	if fromFront(f.Status) {
		lab.WriteFailure(w, f, map[string]any{"error": f.Message})
		return
	}
	object := map[string]any{
		"message": f.Message, "type": f.Type, "param": lab.OrNil(f.Param), "code": lab.OrNil(f.Code),
	}
	if f.Status == http.StatusTooManyRequests {
		object["error_type"] = f.Type
	}
	maps.Copy(object, f.Extra)
	lab.WriteFailure(w, f, map[string]any{"error": object})
}

// fromFront tells which statuses come from the gateway.
func fromFront(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusGatewayTimeout || status >= 520
}
