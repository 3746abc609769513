package emulator

import (
	"cmp"
	"fmt"
	"net/http"

	"dreamlab/providers/sandbox/lab"
)

// words are Bedrock's names and sentences by status
// (https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html).
func words() lab.Words {
	return lab.Words{
		http.StatusBadRequest: {Type: "ValidationException", Message: "The provided request is not valid"},
		http.StatusForbidden: {
			Type: "AccessDeniedException", Message: "You don't have access to the model with the specified model ID.",
		},
		http.StatusNotFound: {
			Type: "ResourceNotFoundException", Message: "The provided resource was not found",
		},
		http.StatusRequestTimeout: {
			Type: "ModelTimeoutException", Message: "Model has timed out in processing the request. Try your request again.",
		},
		http.StatusConflict:              {Type: "ConflictException", Message: "There was a conflict."},
		http.StatusRequestEntityTooLarge: {Type: "ValidationException", Message: "The request is too large"},
		http.StatusFailedDependency: {
			Type: "ModelErrorException", Message: "The system encountered an unexpected error while processing the model.",
		},
		http.StatusTooManyRequests: {
			Type: "ThrottlingException", Message: "Too many requests, please wait before trying again.",
		},
		http.StatusInternalServerError: {
			Type:    "InternalServerException",
			Message: "The system encountered an unexpected error during processing. Try your request again.",
		},
		http.StatusServiceUnavailable: {
			Type: "ServiceUnavailableException", Message: "Bedrock is unable to process your request.",
		},
	}
}

// fail writes an error as AWS does: its name stands in a header. There is no
// Retry-After.
func fail(w http.ResponseWriter, f lab.Failure) {
	if f.Code == lab.ContentFiltered {
		f.Message = cmp.Or(f.Message, "The model returned the following errors: Output blocked by content filtering policy")
	}
	f = words().Complete(f)
	f.RetryAfter = ""
	if w.Header().Get(requestID) == "" { // it was refused before its route
		w.Header().Set(requestID, lab.NewID(""))
	}
	w.Header().Set("x-amzn-ErrorType", f.Type+":http://internal.amazon.com/coral/com.amazon.bedrock/")
	lab.WriteFailure(w, f, map[string]any{"message": f.Message})
}

// refuse says in a sentence what is wrong with a request.
func refuse(format string, args ...any) *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}
