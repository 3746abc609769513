package emulator

import (
	"fmt"
	"net/http"
	"strconv"

	"dreamlab/providers/sandbox/lab"
)

// words is what Cloudflare says of a status when the failure brings no words
// (https://developers.cloudflare.com/workers-ai/platform/errors).
func words() lab.Words {
	return lab.Words{
		http.StatusBadRequest:            {Code: "5006", Message: "AiError: Bad input"},
		http.StatusUnauthorized:          {Code: "10000", Message: "Authentication error"},
		http.StatusForbidden:             {Code: "5018", Message: "AiError: This account is not allowed to access this model"},
		http.StatusNotFound:              {Code: "3042", Message: "AiError: Invalid model ID"},
		http.StatusRequestTimeout:        {Code: "3046", Message: "AiError: Request timeout"},
		http.StatusRequestEntityTooLarge: {Code: "3006", Message: "AiError: Request is too large"},
		http.StatusTooManyRequests:       {Code: "971", Message: "Please wait and consider throttling your request speed"},
		http.StatusInternalServerError:   {Code: "3043", Message: "AiError: Internal server error"},
	}
}

// fail writes an envelope that holds an error.
func fail(w http.ResponseWriter, f lab.Failure) {
	switch {
	case f.Full:
		f.Status, f.Code = http.StatusTooManyRequests, "3040"
		f.Message = "AiError: AiError: Capacity temporarily exceeded, please try again."
	case f.Code == lab.ContentFiltered:
		f.Code, f.Message = "8007", "AiError: AiError: The prompt was flagged as NSFW."
	}
	lab.WriteFailure(w, f, failure(f))
}

func failure(f lab.Failure) map[string]any {
	f = words().Complete(f)
	code, err := strconv.Atoi(f.Code)
	if err != nil { // the codes are the emulator's own
		panic(err)
	}
	return map[string]any{
		"errors": []any{map[string]any{"message": f.Message, "code": code}}, "success": false, "result": map[string]any{},
		"messages": []any{},
	}
}

// failGateway writes an error of the gateway itself, which has another form.
func failGateway(w http.ResponseWriter, status, code int, message string) {
	lab.WriteJSON(w, status, map[string]any{
		"success": false, "result": []any{}, "messages": []any{},
		"error": []any{map[string]any{"code": code, "message": message}},
	})
}

func unknownRoute(w http.ResponseWriter, r *http.Request) {
	fail(w, lab.Failure{Status: http.StatusNotFound, Code: "7003", Message: fmt.Sprintf(
		"Could not route to %s, perhaps your object identifier is invalid?", r.URL.Path)})
}

func badInput(format string, args ...any) *lab.Failure {
	return lab.Invalid("", "AiError: Bad input: Error: "+format, args...)
}

func tooLong(tokens, context int64) *lab.Failure {
	return &lab.Failure{Status: http.StatusRequestEntityTooLarge, Code: "5021", Message: fmt.Sprintf(
		"AiError: The estimated number of input and maximum output tokens (%d) exceeded this model context window "+
			"limit (%d).", tokens, context)}
}

// jsonMode is the failure of an answer with a schema. With which status and code it
// comes was never recorded.
func jsonMode() *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Code: "5024", Message: "AiError: JSON Mode couldn't be met"}
}

func badJSON(w http.ResponseWriter, _ *lab.Answer) { fail(w, *jsonMode()) }

// broken is the event of a stream that failed.
func broken(*lab.Answer) map[string]any {
	return failure(lab.Failure{Status: http.StatusInternalServerError})
}
