package emulator

import (
	"net/http"

	"dreamlab/providers/sandbox/lab"
)

// requestID is the header with the vendor's id of the request.
const requestID = "X-Snowflake-Request-Id"

// words is what Snowflake says of a status.
func words() lab.Words {
	return lab.Words{
		http.StatusBadRequest:          {Code: "390142", Message: "invalid options object"},
		http.StatusUnauthorized:        {Code: "390303", Message: "Invalid OAuth access token."},
		http.StatusPaymentRequired:     {Message: "budget exceeded"},
		http.StatusForbidden:           {Message: "Not Authorized"},
		http.StatusNotFound:            {Message: "Not Found"},
		http.StatusMethodNotAllowed:    {Message: "method not allowed"},
		http.StatusTooManyRequests:     {Message: "too many requests"},
		http.StatusInternalServerError: {Message: "internal error"},
		http.StatusServiceUnavailable:  {Message: "service unavailable"},
		http.StatusGatewayTimeout:      {Message: "gateway timeout"},
	}
}

// fail writes Snowflake's error object. It never says how long to wait, unless a script
// does.
func fail(w http.ResponseWriter, f lab.Failure) {
	if f.Status == http.StatusTooManyRequests && f.RetryAfter == "2" { // nothing else was asked for
		f.RetryAfter = ""
	}
	lab.WriteFailure(w, f, errorObject(f, w.Header().Get(requestID)))
}

func errorObject(f lab.Failure, id string) map[string]any {
	f = words().Complete(f)
	object := map[string]any{"message": f.Message, "request_id": id}
	if f.Code != "" {
		object["code"], object["error_code"] = f.Code, f.Code
	}
	return object
}

// broken is the event of a stream that failed.
func broken(a *lab.Answer) map[string]any {
	return errorObject(lab.Failure{Status: http.StatusInternalServerError, Message: "inference timed out"}, a.ID)
}
