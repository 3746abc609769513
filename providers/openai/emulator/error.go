package emulator

import (
	"fmt"
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
)

// fail writes an error as the flavour's server does.
func (e *emulator) fail(w http.ResponseWriter, f lab.Failure) {
	if f.Message == "" {
		f.Message = e.words(f)
	}
	lab.WriteFailure(w, f, map[string]any{"error": e.errorObject(f)})
}

func (e *emulator) errorObject(f lab.Failure) map[string]any {
	object := map[string]any{"message": f.Message, "type": e.kind(f), "param": lab.OrNil(f.Param)}
	for key, value := range f.Extra {
		object[key] = value
	}
	switch e.flavour {
	case VLLM:
		object["code"] = f.Status
	case LlamaCPP:
		object["code"] = f.Status
		delete(object, "param")
	case Ollama:
		object["code"] = nil
	default:
		object["code"] = lab.OrNil(f.Code)
		if f.Code == "" && f.Status == http.StatusUnauthorized {
			object["code"] = "invalid_api_key"
		}
	}
	return object
}

// kind is the error's type in the words of the flavour.
func (e *emulator) kind(f lab.Failure) string {
	if f.Type != "" {
		return f.Type
	}
	switch e.flavour {
	case VLLM:
		return strings.ReplaceAll(http.StatusText(f.Status), " ", "") + "Error"
	case Ollama:
		if f.Status == http.StatusNotFound {
			return "not_found_error"
		}
		return "api_error"
	}
	switch {
	case f.Status == http.StatusServiceUnavailable:
		return "unavailable_error"
	case f.Status >= 500:
		return "server_error"
	case f.Status == http.StatusTooManyRequests:
		return "requests"
	}
	return "invalid_request_error"
}

func (e *emulator) words(f lab.Failure) string {
	switch {
	case f.Status == http.StatusUnauthorized:
		return "Incorrect API key provided. Give this server's key as a bearer token."
	case f.Full && e.flavour == Ollama:
		return "server busy, please try again.  maximum pending requests exceeded"
	case f.Full && e.flavour == LlamaCPP:
		return "Loading model"
	case f.Status == http.StatusTooManyRequests:
		return "Rate limit reached. Please try again in " + f.RetryAfter + "s."
	}
	return http.StatusText(f.Status)
}

// tooLong is what each server says of a prompt over its context.
func (e *emulator) tooLong(tokens int64) *lab.Failure {
	f := &lab.Failure{Status: http.StatusBadRequest, Param: "messages", Code: "context_length_exceeded"}
	f.Message = fmt.Sprintf(
		"This model's maximum context length is %d tokens. However, you requested %d tokens "+
			"in the messages. Please reduce the length of the messages.",
		contextLength,
		tokens,
	)
	if e.flavour == LlamaCPP {
		f.Type = "exceed_context_size_error"
		f.Message = fmt.Sprintf("request (%d tokens) exceeds the available context size (%d tokens), "+
			"try increasing it", tokens, contextLength)
		f.Extra = map[string]any{"n_prompt_tokens": tokens, "n_ctx": contextLength}
	}
	return f
}

// broken is the event of a stream that failed.
func (e *emulator) broken(*lab.Answer) map[string]any {
	return map[string]any{"error": e.errorObject(lab.Failure{
		Status:  http.StatusInternalServerError,
		Message: "The server had an error while processing the stream.",
	})}
}
