package emulator

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
)

// words are SageMaker's names and sentences by status.
func words() lab.Words {
	return lab.Words{
		http.StatusBadRequest: {Type: "ValidationException", Message: "The provided request is not valid"},
		http.StatusForbidden: {
			Type: "AccessDeniedException", Message: "User is not authorized to perform the operation.",
		},
		http.StatusNotFound:        {Type: "ResourceNotFound", Message: "Requested resource not found."},
		http.StatusConflict:        {Type: "ResourceInUse", Message: "The resource is in use."},
		http.StatusTooManyRequests: {Type: "ThrottlingException", Message: "Rate exceeded"},
		http.StatusInternalServerError: {
			Type: "InternalFailure", Message: "The request processing has failed because of an unknown error.",
		},
		http.StatusServiceUnavailable: {
			Type: "ServiceUnavailable", Message: "The service is currently unavailable.",
		},
	}
}

// fail writes an error as AWS does: its name stands in the body and in a header. There is no
// Retry-After.
func fail(w http.ResponseWriter, f lab.Failure) {
	if f.Code == lab.ContentFiltered {
		f.Message = cmp.Or(f.Message, "The prompt was refused by the content filter")
	}
	f = words().Complete(f)
	f.RetryAfter = ""
	if w.Header().Get(requestID) == "" { // it was refused before its route
		w.Header().Set(requestID, lab.NewID(""))
	}
	w.Header().Set("x-amzn-ErrorType", f.Type)
	body := map[string]any{"__type": f.Type, "message": f.Message}
	for member, value := range f.Extra {
		body[member] = value
	}
	lab.WriteFailure(w, f, body)
}

// refuse says in a sentence what is wrong with a request.
func refuse(format string, args ...any) *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Type: "ValidationException", Message: fmt.Sprintf(format, args...)}
}

// inUse and missing are the errors that the control plane has names for, all with the
// status 400.
func inUse(format string, args ...any) *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Type: "ResourceInUse", Message: fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Type: "ResourceNotFound", Message: fmt.Sprintf(format, args...)}
}

// ofContainer is what the runtime makes of a refusal by an endpoint's container.
func ofContainer(f *lab.Failure) *lab.Failure {
	status := cmp.Or(f.Status, http.StatusBadRequest)
	said := fmt.Sprintf(`{"error":{"message":%q,"type":"BadRequestError","code":%d}}`, f.Message, status)
	return &lab.Failure{
		Status: http.StatusFailedDependency, Type: "ModelError",
		Message: fmt.Sprintf("Received client error (%d) from primary with message \"%s\".", status, strings.TrimSpace(said)),
		Extra: map[string]any{
			"OriginalStatusCode": status, "OriginalMessage": said,
			"LogStreamArn": "arn:aws:logs:" + region + ":" + account + ":log-group:/aws/sagemaker/Endpoints",
		},
	}
}
