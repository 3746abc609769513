package emulator

import (
	"maps"
	"net/http"

	"dreamlab/providers/sandbox/lab"
)

// word is what Together says of a status when the failure brings no words
// (https://docs.together.ai/docs/error-codes).
type word struct{ kind, code, message string }

func wordOf(status int) word {
	switch status {
	case http.StatusUnauthorized:
		return word{
			"invalid_request_error",
			"invalid_api_key",
			"Invalid API key provided. You can find your " +
				"API key at https://api.together.ai/settings/api-keys.",
		}
	case http.StatusPaymentRequired:
		return word{"invalid_request_error", "credit_limit", "Credit limit exceeded, please navigate to " +
			"https://api.together.ai/settings/billing to upgrade your plan."}
	case http.StatusForbidden:
		return word{"invalid_request_error", "forbidden", "You may not use this resource."}
	case http.StatusNotFound:
		return word{"invalid_request_error", "not_found", "Not found."}
	case http.StatusTooManyRequests:
		return word{
			"dynamic_request_limited",
			"rate_limit",
			"Your request rate is above this model's dynamic " +
				"rate limit. Please slow down.",
		}
	case http.StatusServiceUnavailable:
		return word{
			"service_unavailable",
			"overloaded",
			"The server is currently overloaded with other requests.",
		}
	}
	if status >= 500 {
		return word{"server_error", "", "Internal server error."}
	}
	return word{"invalid_request_error", "", "Bad request."}
}

// fail writes an error in the form that Together has for it: an object, or a
// mere string where its front answers instead of its API.
func fail(w http.ResponseWriter, f lab.Failure) {
	said := wordOf(f.Status)
	message := or(f.Message, said.message)
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Status == http.StatusTooManyRequests {
		w.Header().Set("x-ratelimit-reset", or(f.RetryAfter, "2"))
	}
	if fromFront(f.Status) {
		lab.WriteJSON(w, f.Status, map[string]any{"error": message})
		return
	}
	kind := or(f.Type, said.kind)
	object := map[string]any{
		"message": message, "type": kind, "param": orNil(f.Param), "code": orNil(or(f.Code, said.code)),
	}
	if f.Status == http.StatusTooManyRequests {
		object["error_type"] = kind
	}
	maps.Copy(object, f.Extra)
	lab.WriteJSON(w, f.Status, map[string]any{"error": object})
}

// fromFront tells which statuses come from the gateway.
func fromFront(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusGatewayTimeout || status >= 520
}

// failBare writes the third form, which some fine-tuning routes have.
func failBare(w http.ResponseWriter, status int, message string) {
	lab.WriteJSON(w, status, map[string]any{"message": message, "type": "invalid_request_error"})
}

func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}
