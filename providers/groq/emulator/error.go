package emulator

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"

	"dreamlab/providers/sandbox/lab"
)

// statusFull is Groq's own status for a full flex tier
// (https://console.groq.com/docs/flex-processing).
const statusFull = 498

// invalidRequest is the type of most of Groq's errors.
const invalidRequest = "invalid_request_error"

// words is what Groq says of a status when the failure brings no words.
func words() lab.Words {
	return lab.Words{
		http.StatusBadRequest:   {Type: invalidRequest, Message: "Bad request."},
		http.StatusUnauthorized: {Type: invalidRequest, Code: "invalid_api_key", Message: "Invalid API Key"},
		http.StatusForbidden: {
			Type: "permissions_error", Message: "Your organization may not use this resource.",
		},
		http.StatusNotFound: {Type: invalidRequest, Code: "not_found", Message: "Not found."},
		http.StatusRequestEntityTooLarge: {Type: "tokens", Code: "rate_limit_exceeded", Message: "Request too " +
			"large for model in organization `org_sandbox` service tier `on_demand` on tokens per minute (TPM): " +
			"Limit 8000, Requested 9000, please reduce your message size and try again."},
		http.StatusUnprocessableEntity: {Type: invalidRequest, Message: "The model produced an answer that could " +
			"not be used. Please retry your request."},
		http.StatusFailedDependency: {Type: invalidRequest, Message: "A remote dependency failed."},
		http.StatusTooManyRequests:  {Type: "tokens", Code: "rate_limit_exceeded"},
		statusFull: {Type: "server_error", Code: "capacity_exceeded", Message: "Flex tier capacity exceeded. " +
			"Please try again later."},
		http.StatusInternalServerError: {Type: "internal_server_error", Message: "Internal Server Error"},
	}
}

// fail writes Groq's error object.
func fail(w http.ResponseWriter, f lab.Failure) {
	f = complete(f)
	lab.WriteFailure(w, f, errorObject(f))
}

// complete puts Groq's words where a failure brings none of its own.
func complete(f lab.Failure) lab.Failure {
	if f.Full {
		f.Status = statusFull
	}
	if f.Status == http.StatusTooManyRequests {
		f.Message = cmp.Or(f.Message, limitMessage(f))
	}
	return words().Complete(f)
}

func errorObject(f lab.Failure) map[string]any {
	f = complete(f)
	object := map[string]any{"message": f.Message, "type": f.Type}
	maps.Copy(object, f.Extra)
	if f.Code != "" {
		object["code"] = f.Code
	}
	if f.Param != "" {
		object["param"] = f.Param
	}
	return map[string]any{"error": object}
}

// limitMessage says when to try again in words too, as Groq does.
func limitMessage(f lab.Failure) string {
	return fmt.Sprintf(
		"Rate limit reached for this model in organization `org_sandbox` service tier `on_demand` "+
			"on tokens per minute (TPM): Limit 8000, Used 5297, Requested 4702. Please try again in %ss. "+
			"Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
		cmp.Or(f.RetryAfter, "2"),
	)
}
