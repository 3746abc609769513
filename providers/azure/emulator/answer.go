package emulator

import (
	"maps"

	"dreamlab/providers/sandbox/lab"
)

// filters is what the content filter says of a harmless text.
func filters() map[string]any {
	harmless := map[string]any{}
	for _, kind := range []string{"hate", "self_harm", "sexual", "violence"} {
		harmless[kind] = map[string]any{"filtered": false, "severity": "safe"}
	}
	return harmless
}

// promptFilters is what it says of the prompt, where it also looks for attacks.
func promptFilters() []any {
	found := filters()
	found["jailbreak"] = map[string]any{"detected": false, "filtered": false}
	return []any{map[string]any{"prompt_index": 0, "content_filter_results": found}}
}

// withFilters puts the filter's results beside what each choice says.
func withFilters(object map[string]any, results map[string]any) map[string]any {
	choices, _ := object["choices"].([]any)
	for _, choice := range choices {
		if members, ok := choice.(map[string]any); ok {
			members["content_filter_results"] = results
		}
	}
	object["system_fingerprint"] = nil
	return object
}

func usage(a *lab.Answer) map[string]any {
	object := lab.UsageOpenAI(a.Usage)
	object["prompt_tokens_details"] = map[string]any{"cached_tokens": a.Usage.Cached, "audio_tokens": 0}
	object["completion_tokens_details"] = map[string]any{
		"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
	}
	return object
}

func whole(a *lab.Answer) map[string]any {
	object := withFilters(lab.WholeOpenAI(a), filters())
	object["prompt_filter_results"], object["usage"] = promptFilters(), usage(a)
	return object
}

// head is the chunk before all others: it has no choices and nothing but empty members
// beside the filter's word on the prompt.
func head(*lab.Answer) map[string]any {
	return map[string]any{
		"choices": []any{}, "created": 0, "id": "", "model": "", "object": "",
		"prompt_filter_results": promptFilters(),
	}
}

func chunk(a *lab.Answer, p lab.Piece) map[string]any {
	object := withFilters(lab.ChunkOpenAI(a, p), map[string]any{})
	object["obfuscation"], object["usage"] = "aRKq", nil
	if p.First {
		maps.Copy(delta(object), map[string]any{"refusal": nil})
	}
	return object
}

// delta returns what the first choice of a chunk says.
func delta(chunk map[string]any) map[string]any {
	choices, _ := chunk["choices"].([]any)
	choice, _ := choices[0].(map[string]any)
	delta, _ := choice["delta"].(map[string]any)
	return delta
}

func tail(a *lab.Answer) map[string]any {
	if a.Ask.StreamOptions == nil || !a.Ask.StreamOptions.IncludeUsage {
		return nil
	}
	object := lab.UsageChunkOpenAI(a)
	object["usage"], object["system_fingerprint"] = usage(a), nil
	return object
}

// broken is the event of a stream that failed.
func broken(*lab.Answer) map[string]any {
	return map[string]any{"error": map[string]any{
		"message": "The server had an error while processing your request. Sorry about that!",
		"type":    "server_error", "param": nil, "code": "InternalServerError",
	}}
}
