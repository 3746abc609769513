package emulator

import (
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// Groq's speeds, in tokens a second, for the times in its usage objects.
const (
	readSpeed  = 26_000.0
	writeSpeed = 500.0
)

// usage adds Groq's times, which are in seconds.
func usage(u model.Usage) map[string]any {
	prompt, completion := float64(u.In)/readSpeed, float64(u.Out)/writeSpeed
	object := lab.UsageOpenAI(u)
	object["queue_time"] = 0.0375
	object["prompt_time"] = prompt
	object["completion_time"] = completion
	object["total_time"] = prompt + completion
	return object
}

func whole(a *lab.Answer) map[string]any {
	object := lab.WholeOpenAI(a)
	object["usage"] = usage(a.Usage)
	object["usage_breakdown"] = nil
	object["system_fingerprint"] = "fp_sandbox"
	object["service_tier"] = "on_demand"
	object["x_groq"] = requestID(a)
	return object
}

func requestID(a *lab.Answer) map[string]any {
	return map[string]any{"id": "req_" + a.ID[len("chatcmpl-"):]}
}

// tiered is the dress of answers of a tier of service, which whole ones name.
func (e *emulator) tiered(tier string) *lab.Dialect {
	if tier == "" || tier == "auto" {
		return e.dialect
	}
	named := *e.dialect
	named.Whole = func(a *lab.Answer) map[string]any {
		object := whole(a)
		object["service_tier"] = tier
		return object
	}
	return &named
}

// tiers are those that a request may ask for (https://console.groq.com/docs/service-tiers).
var tiers = []string{"", "auto", "on_demand", "flex", "performance"}

// chunk adds x_groq to the first chunk, with the id, and to the last one, with
// the usage.
func chunk(a *lab.Answer, p lab.Piece) map[string]any {
	object := lab.ChunkOpenAI(a, p)
	object["system_fingerprint"] = "fp_sandbox"
	switch {
	case p.First:
		object["x_groq"] = requestID(a)
	case p.Last:
		own := requestID(a)
		own["usage"] = usage(a.Usage)
		object["x_groq"] = own
	}
	return object
}

// tail is the chunk with the usage that stream_options asks for.
func tail(a *lab.Answer) map[string]any {
	if a.Ask.StreamOptions == nil || !a.Ask.StreamOptions.IncludeUsage {
		return nil
	}
	object := lab.UsageChunkOpenAI(a)
	object["usage"] = usage(a.Usage)
	return object
}

// broken is the chunk that says why a stream was stopped early: the SDK's
// x_groq.error is a string.
func broken(a *lab.Answer) map[string]any {
	object := lab.ChunkOpenAI(a, lab.Piece{})
	own := requestID(a)
	own["error"] = "over_capacity: the model could not finish this answer"
	object["x_groq"] = own
	return object
}

// badJSON is what Groq answers when its model wrote what is not the JSON that
// was asked for: an error, though the tokens were burnt.
func badJSON(w http.ResponseWriter, a *lab.Answer) {
	fail(w, lab.Failure{
		Status: http.StatusBadRequest, Code: "json_validate_failed",
		Message: "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' " +
			"for more details.",
		Extra: map[string]any{"failed_generation": a.Text},
	})
}
