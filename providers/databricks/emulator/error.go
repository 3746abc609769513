package emulator

import (
	"cmp"
	"fmt"
	"net/http"

	"dreamlab/providers/sandbox/lab"
)

// words is what Databricks says of a status when the failure brings no words.
func words() lab.Words {
	return lab.Words{
		http.StatusBadRequest: {Code: "INVALID_PARAMETER_VALUE", Message: "The request is invalid."},
		http.StatusUnauthorized: {Code: "UNAUTHENTICATED", Message: "Credential was not sent or was of an unsupported type for " +
			"this API."},
		http.StatusForbidden:           {Code: "PERMISSION_DENIED", Message: "Invalid access token."},
		http.StatusNotFound:            {Code: "RESOURCE_DOES_NOT_EXIST", Message: "The given resource does not exist."},
		http.StatusConflict:            {Code: "RESOURCE_ALREADY_EXISTS", Message: "The given resource exists already."},
		http.StatusTooManyRequests:     {Code: "REQUEST_LIMIT_EXCEEDED"},
		http.StatusInternalServerError: {Code: "INTERNAL_ERROR", Message: "An internal error occurred."},
		http.StatusServiceUnavailable:  {Code: "TEMPORARILY_UNAVAILABLE", Message: "The service is temporarily unavailable."},
		http.StatusGatewayTimeout:      {Code: "DEADLINE_EXCEEDED", Message: "The request did not end in time."},
	}
}

// fail writes Databricks' error object.
func fail(w http.ResponseWriter, f lab.Failure) {
	if f.Status == http.StatusTooManyRequests {
		f.Message = cmp.Or(f.Message, "REQUEST_LIMIT_EXCEEDED: Exceeded workspace input tokens per minute rate limit. Work with your "+
			"Databricks account team to request a higher limit.")
	}
	if f.Code == lab.ContentFiltered {
		f.Code, f.Message = "BAD_REQUEST", cmp.Or(f.Message, "The request was flagged by the safety filter of the endpoint.")
	}
	f = words().Complete(f)
	lab.WriteFailure(w, f, map[string]any{"error_code": f.Code, "message": f.Message})
}

// absent says that something is not there.
func absent(format string, args ...any) *lab.Failure {
	return &lab.Failure{Status: http.StatusNotFound, Message: fmt.Sprintf(format, args...)}
}
