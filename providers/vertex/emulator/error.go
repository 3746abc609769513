package emulator

import (
	"net/http"
	"strconv"

	"dreamlab/providers/sandbox/lab"
)

// The types of the details of an error
// (https://cloud.google.com/apis/design/errors#error_details).
const (
	errorInfo = "type.googleapis.com/google.rpc.ErrorInfo"
	retryInfo = "type.googleapis.com/google.rpc.RetryInfo"
)

// words is what Google says of a status: the type is the name of its code.
func words() lab.Words {
	return lab.Words{
		http.StatusBadRequest: {Type: "INVALID_ARGUMENT", Message: "Request contains an invalid argument."},
		http.StatusUnauthorized: {Type: "UNAUTHENTICATED", Message: "Request had invalid authentication " +
			"credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
			"See https://developers.google.com/identity/sign-in/web/devconsole-project."},
		http.StatusForbidden: {Type: "PERMISSION_DENIED", Message: "The caller does not have permission"},
		http.StatusNotFound:  {Type: "NOT_FOUND", Message: "Requested entity was not found."},
		http.StatusConflict:  {Type: "ABORTED", Message: "The operation was aborted."},
		http.StatusTooManyRequests: {Type: "RESOURCE_EXHAUSTED", Message: "Resource exhausted. Please try again " +
			"later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more " +
			"details."},
		499:                            {Type: "CANCELLED", Message: "The operation was cancelled."},
		http.StatusInternalServerError: {Type: "INTERNAL", Message: "Internal error encountered."},
		http.StatusServiceUnavailable:  {Type: "UNAVAILABLE", Message: "The service is currently unavailable."},
		http.StatusGatewayTimeout: {Type: "DEADLINE_EXCEEDED", Message: "Deadline expired before operation could " +
			"complete."},
	}
}

// fail writes Google's error object.
func fail(w http.ResponseWriter, f lab.Failure) {
	object := errorObject(&f)
	lab.WriteFailure(w, f, object)
}

// failInList writes it as the OpenAI-compatible endpoint does: in a list.
func failInList(w http.ResponseWriter, f lab.Failure) {
	object := errorObject(&f)
	lab.WriteFailure(w, f, []any{object})
}

// errorObject makes the object. How long to wait stands in it, and in no header,
// where it is a number of seconds.
func errorObject(f *lab.Failure) map[string]any {
	*f = words().Complete(*f)
	object := map[string]any{"code": f.Status, "message": f.Message, "status": f.Type}
	if details, found := f.Extra["details"]; found {
		object["details"] = details
	}
	if _, err := strconv.ParseFloat(f.RetryAfter, 64); err == nil {
		object["details"] = []any{map[string]any{"@type": retryInfo, "retryDelay": f.RetryAfter + "s"}}
		f.RetryAfter = ""
	}
	return map[string]any{"error": object}
}

// broken is the event of a stream that failed.
func broken(*lab.Answer) map[string]any {
	return errorObject(&lab.Failure{Status: http.StatusServiceUnavailable})
}
