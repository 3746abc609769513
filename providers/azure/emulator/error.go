package emulator

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"strconv"

	"dreamlab/providers/sandbox/lab"
)

// words is what Azure says of a status when the failure brings no words. Its gateway
// gives the status as the code, as a string.
func words() lab.Words {
	return lab.Words{
		http.StatusBadRequest: {Code: "BadRequest", Type: "invalid_request_error", Message: "Bad request."},
		http.StatusUnauthorized: {Code: "401", Message: "Access denied due to invalid subscription key or wrong API " +
			"endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API " +
			"endpoint for your resource."},
		http.StatusForbidden:       {Code: "403", Message: "Access denied due to Virtual Network/Firewall rules."},
		http.StatusNotFound:        {Code: "404", Message: "Resource not found"},
		http.StatusRequestTimeout:  {Code: "Timeout", Message: "The operation was timeout."},
		http.StatusTooManyRequests: {Code: "429"},
		http.StatusInternalServerError: {Code: "InternalServerError", Message: "The server had an error processing " +
			"your request. Sorry about that!"},
		http.StatusServiceUnavailable: {Code: "ServiceUnavailable", Message: "The service is temporarily unable to " +
			"process your request. Please try again later."},
	}
}

// fail writes Azure's error object.
func fail(w http.ResponseWriter, f lab.Failure) {
	if f.Full {
		f.Status, f.Code = http.StatusTooManyRequests, "NoCapacity"
		f.Message = cmp.Or(f.Message, "The system is currently experiencing high demand and cannot process your "+
			"request. Your request exceeds the maximum usage size allowed during peak load.")
	}
	if f.Status == http.StatusTooManyRequests {
		f.Message = cmp.Or(f.Message, limitMessage(f))
	}
	if seconds, err := strconv.ParseFloat(f.RetryAfter, 64); err == nil {
		w.Header().Set("Retry-After-Ms", strconv.FormatFloat(seconds*1000, 'f', 0, 64))
	}
	f = words().Complete(f)
	lab.WriteFailure(w, f, errorBody(f))
}

// errorBody makes the body of an error.
func errorBody(f lab.Failure) any {
	f = words().Complete(f)
	object := map[string]any{"code": f.Code, "message": f.Message}
	if f.Type != "" {
		object["type"], object["param"] = f.Type, lab.OrNil(f.Param)
	}
	if f.Code == lab.ContentFiltered {
		maps.Copy(object, filtered())
	}
	maps.Copy(object, f.Extra)
	return map[string]any{"error": object}
}

// limitMessage says when to try again in words, too.
func limitMessage(f lab.Failure) string {
	return fmt.Sprintf("Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 "+
		"have exceeded token rate limit of your current AIServices S0 pricing tier. Please retry after %s seconds. "+
		"Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate "+
		"limit.", cmp.Or(f.RetryAfter, "2"))
}

// filtered is what stands beside the refusal of a prompt.
func filtered() map[string]any {
	results := filters()
	results["violence"] = map[string]any{"filtered": true, "severity": "medium"}
	return map[string]any{
		"message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. " +
			"Please modify your prompt and retry. To learn more about our content filtering policies please read our " +
			"documentation: https://go.microsoft.com/fwlink/?linkid=2198766",
		"type": nil, "param": "prompt", "status": http.StatusBadRequest,
		"innererror": map[string]any{"code": "ResponsibleAIPolicyViolation", "content_filter_result": results},
	}
}
