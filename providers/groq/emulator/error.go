package emulator

import (
	"fmt"
	"maps"
	"net/http"

	"dreamlab/providers/sandbox/lab"
)

// statusFull is Groq's own status for a full flex tier
// (https://console.groq.com/docs/flex-processing).
const statusFull = 498

// word is what Groq says of a status when the failure brings no words.
type word struct{ kind, code, message string }

func wordOf(status int) word {
	switch status {
	case http.StatusUnauthorized:
		return word{"invalid_request_error", "invalid_api_key", "Invalid API Key"}
	case http.StatusForbidden:
		return word{"permissions_error", "", "Your organization may not use this resource."}
	case http.StatusNotFound:
		return word{"invalid_request_error", "not_found", "Not found."}
	case http.StatusRequestEntityTooLarge:
		return word{
			"tokens",
			"rate_limit_exceeded",
			"Request too large for model in organization `org_sandbox` " +
				"service tier `on_demand` on tokens per minute (TPM): Limit 8000, Requested 9000, " +
				"please reduce your message size and try again.",
		}
	case http.StatusUnprocessableEntity:
		return word{"invalid_request_error", "", "The model produced an answer that could not be used. " +
			"Please retry your request."}
	case http.StatusFailedDependency:
		return word{"invalid_request_error", "", "A remote dependency failed."}
	case http.StatusTooManyRequests:
		return word{"tokens", "rate_limit_exceeded", ""}
	case statusFull:
		return word{
			"server_error",
			"capacity_exceeded",
			"Flex tier capacity exceeded. Please try again later.",
		}
	}
	if status >= 500 {
		return word{"internal_server_error", "", "Internal Server Error"}
	}
	return word{"invalid_request_error", "", "Bad request."}
}

// fail writes Groq's error object.
func fail(w http.ResponseWriter, f lab.Failure) {
	if f.Full {
		f.Status = statusFull
	}
	said := wordOf(f.Status)
	if f.Status == http.StatusTooManyRequests {
		said.message = limitMessage(f)
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	object := map[string]any{"message": or(f.Message, said.message), "type": or(f.Type, said.kind)}
	maps.Copy(object, f.Extra)
	if code := or(f.Code, said.code); code != "" {
		object["code"] = code
	}
	if f.Param != "" {
		object["param"] = f.Param
	}
	lab.WriteJSON(w, f.Status, map[string]any{"error": object})
}

// limitMessage says when to try again in words too, as Groq does.
func limitMessage(f lab.Failure) string {
	return fmt.Sprintf(
		"Rate limit reached for this model in organization `org_sandbox` service tier `on_demand` "+
			"on tokens per minute (TPM): Limit 8000, Used 5297, Requested 4702. Please try again in %ss. "+
			"Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
		or(f.RetryAfter, "2"),
	)
}

func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}
