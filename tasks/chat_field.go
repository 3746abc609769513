package tasks

import (
	"encoding/json"
	"fmt"
	"sort"
	"unicode/utf8"
)

type chatField func(r *ChatRequest, name string, raw json.RawMessage) *InputError

// chatFields holds every parameter of OpenAI's chat API and our one.
var chatFields = map[string]chatField{
	"model":                 readModel,
	"messages":              readMessages,
	"max_tokens":            readMaxTokens,
	"max_completion_tokens": readMaxTokens,
	"temperature":           number(0, 2, func(r *ChatRequest) **float64 { return &r.Temperature }),
	"top_p":                 number(0, 1, func(r *ChatRequest) **float64 { return &r.TopP }),
	"frequency_penalty":     number(-2, 2, func(r *ChatRequest) **float64 { return &r.FrequencyPenalty }),
	"presence_penalty":      number(-2, 2, func(r *ChatRequest) **float64 { return &r.PresencePenalty }),
	"n":                     number(1, 128, func(r *ChatRequest) **int { return &r.N }),
	"top_logprobs":          number(0, 20, func(r *ChatRequest) **int { return &r.TopLogprobs }),
	"seed":                  value(func(r *ChatRequest, v int64) { r.Seed = &v }),
	"logprobs":              value(func(r *ChatRequest, v bool) { r.Logprobs = v }),
	"parallel_tool_calls":   value(func(r *ChatRequest, v bool) { r.ParallelToolCalls = &v }),
	"stream":                value(func(r *ChatRequest, v bool) { r.Stream = v }),
	"store":                 value(func(r *ChatRequest, v bool) { r.Keep = v }),
	"user":                  value(func(r *ChatRequest, v string) { r.User = v }),
	"reasoning_effort":      readEffort,
	"stop":                  readStop,
	"logit_bias":            readBias,
	"metadata":              readMetadata,
	"stream_options":        readStreamOptions,
	"response_format":       readFormat,
	"tools":                 readTools,
	"tool_choice":           readToolChoice,
	"dreamlab":              readOurs,
	"modalities":            readModalities,

	// Few vendors have these.
	"prompt_cache_key":       optional[string],
	"prompt_cache_retention": optional[string],
	"safety_identifier":      optional[string],
	"service_tier":           optional[string],
	"verbosity":              optional[string],
	"prediction":             optional[map[string]json.RawMessage],
	"web_search_options":     optional[map[string]json.RawMessage],

	"audio":         missing("answers are text"),
	"functions":     missing("use tools, which replaced it"),
	"function_call": missing("use tool_choice, which replaced it"),
}

// ChatParameters names the parameters of a chat that are taken, sorted.
func ChatParameters() []string {
	var names []string
	for name, read := range chatFields {
		fault := read(&ChatRequest{}, name, json.RawMessage("null"))
		if fault == nil || fault.Code != "unsupported_parameter" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

func missing(advice string) chatField {
	return func(_ *ChatRequest, name string, _ json.RawMessage) *InputError {
		return unsupported(name, "not supported: %s", advice)
	}
}

// readOption keeps a parameter that OpenAI does not have for the vendor that does.
func readOption(r *ChatRequest, name string, raw json.RawMessage) *InputError {
	if r.Options == nil {
		r.Options = map[string]json.RawMessage{}
	}
	r.Options[name] = raw
	return nil
}

// optional reads a parameter that only some vendors have.
func optional[T any](r *ChatRequest, name string, raw json.RawMessage) *InputError {
	if _, fault := typed[T](name, raw); fault != nil {
		return fault
	}
	return readOption(r, name, raw)
}

func value[T any](set func(*ChatRequest, T)) chatField {
	return func(r *ChatRequest, name string, raw json.RawMessage) *InputError {
		v, fault := typed[T](name, raw)
		if fault == nil {
			set(r, v)
		}
		return fault
	}
}

func number[T int | float64](low, high T, at func(*ChatRequest) **T) chatField {
	return func(r *ChatRequest, name string, raw json.RawMessage) *InputError {
		v, fault := within(name, raw, low, high)
		*at(r) = &v
		return fault
	}
}

func readModel(r *ChatRequest, name string, raw json.RawMessage) (fault *InputError) {
	if r.Model, fault = typed[string](name, raw); fault == nil && len(r.Model) > 256 {
		fault = invalid(name, "a model's name has at most 256 bytes")
	}
	return fault
}

func readMaxTokens(r *ChatRequest, name string, raw json.RawMessage) (fault *InputError) {
	r.MaxTokens, fault = within(name, raw, 1, 10_000_000)
	return fault
}

func readEffort(r *ChatRequest, name string, raw json.RawMessage) (fault *InputError) {
	r.ReasoningEffort, fault = oneOf(name, raw, "none", "minimal", "low", "medium", "high", "xhigh")
	return fault
}

func readStop(r *ChatRequest, name string, raw json.RawMessage) *InputError {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		r.Stop = []string{one}
		return nil
	}
	list, fault := typed[[]string](name, raw)
	if fault != nil {
		return invalid(name, "give a string or a list of at most four strings")
	}
	if len(list) > 4 {
		return invalid(name, "at most four strings are allowed, not %d", len(list))
	}
	r.Stop = list
	return nil
}

func readBias(r *ChatRequest, name string, raw json.RawMessage) *InputError {
	biases, fault := typed[map[string]float64](name, raw)
	if fault != nil {
		return invalid(name, "give an object of token ids to numbers")
	}
	for token, bias := range biases {
		if bias < -100 || bias > 100 {
			return invalid(join(name, token), "the number must be between -100 and 100")
		}
	}
	r.LogitBias = raw
	return nil
}

// readMetadata takes at most 16 texts of at most 512 characters, as OpenAI does.
func readMetadata(r *ChatRequest, name string, raw json.RawMessage) (fault *InputError) {
	if r.Metadata, fault = metadata(name, raw); fault != nil {
		return fault
	}
	r.Conversation = r.Metadata["conversation_id"]
	return CheckConversation(join(name, "conversation_id"), r.Conversation)
}

// metadata reads a client's own pairs, by OpenAI's rule
// (https://platform.openai.com/docs/api-reference/metadata).
func metadata(name string, raw json.RawMessage) (map[string]string, *InputError) {
	pairs, fault := typed[map[string]string](name, raw)
	if fault != nil {
		return nil, invalid(name, "give an object whose values are strings")
	}
	if len(pairs) > 16 {
		return nil, invalid(name, "at most 16 pairs are allowed, not %d", len(pairs))
	}
	for key, text := range pairs {
		if utf8.RuneCountInString(key) > 64 || utf8.RuneCountInString(text) > 512 {
			return nil, invalid(name, "a key has at most 64 characters and a value at most 512")
		}
	}
	return pairs, nil
}

// CheckMetadata checks a client's own pairs, which may be missing. Its error is an
// [*InputError].
func CheckMetadata(raw json.RawMessage) error {
	if len(raw) == 0 || isNull(raw) {
		return nil
	}
	if _, fault := metadata("metadata", raw); fault != nil {
		return fault
	}
	return nil
}

func readStreamOptions(r *ChatRequest, name string, raw json.RawMessage) *InputError {
	members, fault := object(name, raw)
	if fault != nil {
		return fault
	}
	if fault := onlyKnown(name, members, "include_usage", "include_obfuscation"); fault != nil {
		return fault
	}
	for option, raw := range members {
		set, fault := typed[bool](join(name, option), raw)
		if fault != nil {
			return fault
		}
		r.Usage = r.Usage || set && option == "include_usage"
	}
	return nil
}

func readModalities(_ *ChatRequest, name string, raw json.RawMessage) *InputError {
	list, fault := typed[[]string](name, raw)
	if fault != nil {
		return fault
	}
	for i, modality := range list {
		if modality != "text" {
			return unsupported(fmt.Sprintf("%s[%d]", name, i), "not supported: answers are text")
		}
	}
	return nil
}

func readOurs(r *ChatRequest, name string, raw json.RawMessage) *InputError {
	members, fault := object(name, raw)
	if fault != nil {
		return fault
	}
	if fault := onlyKnown(name, members, "memory", "cache", "stream_recovery", "vendor"); fault != nil {
		return fault
	}
	if raw, ok := members["memory"]; ok {
		if r.Memory, fault = typed[bool](join(name, "memory"), raw); fault != nil {
			return fault
		}
	}
	if raw, ok := members["cache"]; ok {
		r.Cache, fault = oneOf(join(name, "cache"), raw, CacheAuto, CacheOff, CacheRefresh, CacheOnly)
		if fault != nil {
			return fault
		}
	}
	if raw, ok := members["stream_recovery"]; ok {
		r.Recovery, fault = oneOf(join(name, "stream_recovery"), raw, RecoverError, RecoverHold, RecoverResume)
		if fault != nil {
			return fault
		}
	}
	if raw, ok := members["vendor"]; ok {
		r.Vendor, fault = object(join(name, "vendor"), raw)
	}
	return fault
}
