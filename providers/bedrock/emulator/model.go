package emulator

import (
	"net/http"
	"slices"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// entry is a model that the region serves
// (https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html).
type entry struct {
	ID        string
	Name      string
	Owner     string
	Profile   string // its inference profile; empty where there is none
	OnDemand  bool   // served under its own name
	Context   int64  // tokens
	MaxOutput int64  // tokens
	Caps      []string
	Tiers     []string // beside default
	brain     *model.Model
	imported  bool // it is billed by its copies, not by the token
}

func (m entry) can(ability string) bool { return slices.Contains(m.Caps, ability) }

// tierPercent is what tiers of service cost of the usual price
// (https://aws.amazon.com/bedrock/service-tiers/).
var tierPercent = map[string]int64{"flex": 50, "priority": 175}

func catalogue(l *lab.Lab) []entry {
	llama, open := []string{"tools", "vision"}, []string{"tools", "json_schema", "reasoning"}
	tiers := []string{"flex", "priority"}
	return []entry{
		{"openai.gpt-oss-120b-1:0", "gpt-oss-120b", "OpenAI", "", true, 131_072, 32_768, open, tiers, l.Large, false},
		{"openai.gpt-oss-20b-1:0", "gpt-oss-20b", "OpenAI", "", true, 131_072, 32_768, open, tiers, l.Small, false},
		{"meta.llama4-scout-17b-instruct-v1:0", "Llama 4 Scout 17B Instruct", "Meta",
			"us.meta.llama4-scout-17b-instruct-v1:0", false, 131_072, 8_192, llama, nil, l.Large, false},
		{"meta.llama4-maverick-17b-instruct-v1:0", "Llama 4 Maverick 17B Instruct", "Meta",
			"us.meta.llama4-maverick-17b-instruct-v1:0", false, 131_072, 8_192, llama, nil, l.Large, false},
		{"meta.llama3-1-8b-instruct-v1:0", "Llama 3.1 8B Instruct", "Meta", "us.meta.llama3-1-8b-instruct-v1:0", false,
			131_072, 8_192, llama[:1], nil, l.Small, false},
		{"amazon.nova-micro-v1:0", "Nova Micro", "Amazon", "us.amazon.nova-micro-v1:0", true,
			128_000, 5_120, []string{"tools", "cache"}, nil, l.Small, false},
		{"amazon.titan-embed-text-v2:0", "Titan Text Embeddings V2", "Amazon", "", true, 8_192, 0,
			[]string{"embeddings"}, nil, nil, false},
		{"cohere.embed-english-v3", "Embed English", "Cohere", "", true, 512, 0, []string{"embeddings"}, nil, nil, false},
	}
}

// find returns who answers under a name, or what Bedrock says of one that it does
// not serve.
func (e *emulator) find(id string) (entry, *lab.Failure) {
	if strings.Contains(id, ":imported-model/") {
		return e.imports.entry(id, e.lab.Small)
	}
	id = id[strings.LastIndexByte(id, '/')+1:] // of an ARN the model's own name
	for _, m := range e.served {
		switch {
		case m.brain == nil:
		case id == m.Profile, id == m.ID && m.OnDemand:
			return m, nil
		case id == m.ID:
			return m, refuse("Invocation of model ID %s with on-demand throughput isn’t supported. Retry your request with "+
				"the ID or ARN of an inference profile that contains this model.", id)
		}
	}
	return entry{}, refuse("The provided model identifier is invalid.")
}

func (e *emulator) models(r *http.Request) (any, *lab.Failure) {
	query := r.URL.Query()
	owner, served := query.Get("byProvider"), query.Get("byInferenceType")
	list := []any{}
	for _, m := range e.served {
		if owner != "" && !strings.EqualFold(owner, m.Owner) || served != "" && !slices.Contains(m.inference(), served) {
			continue
		}
		list = append(list, m.object())
	}
	return map[string]any{"modelSummaries": list}, nil
}

func (e *emulator) model(r *http.Request) (any, *lab.Failure) {
	id := r.PathValue("id")
	for _, m := range e.served {
		if m.ID == id[strings.LastIndexByte(id, '/')+1:] {
			return map[string]any{"modelDetails": m.object()}, nil
		}
	}
	return nil, refuse("The provided model identifier is invalid.")
}

func (m entry) arn() string { return "arn:aws:bedrock:" + region + "::foundation-model/" + m.ID }

// inference lists how a model is served, by profile or under its own name.
func (m entry) inference() []string {
	types := []string{}
	if m.OnDemand {
		types = append(types, "ON_DEMAND")
	}
	if m.Profile != "" {
		types = append(types, "INFERENCE_PROFILE")
	}
	return types
}

func (m entry) object() map[string]any {
	in, out := []string{"TEXT"}, []string{"TEXT"}
	if m.can("vision") {
		in = append(in, "IMAGE")
	}
	if m.can("embeddings") {
		out = []string{"EMBEDDING"}
	}
	return map[string]any{
		"modelArn": m.arn(), "modelId": m.ID, "modelName": m.Name, "providerName": m.Owner,
		"inputModalities": in, "outputModalities": out, "responseStreamingSupported": m.brain != nil,
		"customizationsSupported": []string{}, "inferenceTypesSupported": m.inference(),
		"modelLifecycle": map[string]any{"status": "ACTIVE"},
	}
}

func (e *emulator) profiles(*http.Request) (any, *lab.Failure) {
	list := []any{}
	for _, m := range e.served {
		if m.Profile != "" {
			list = append(list, m.profileObject())
		}
	}
	return map[string]any{"inferenceProfileSummaries": list}, nil
}

func (e *emulator) profile(r *http.Request) (any, *lab.Failure) {
	id := r.PathValue("id")
	for _, m := range e.served {
		if m.Profile != "" && m.Profile == id[strings.LastIndexByte(id, '/')+1:] {
			return m.profileObject(), nil
		}
	}
	return nil, &lab.Failure{Status: http.StatusNotFound}
}

func (m entry) profileObject() map[string]any {
	return map[string]any{
		"inferenceProfileId": m.Profile, "inferenceProfileName": "US " + m.Name, "status": "ACTIVE",
		"inferenceProfileArn": "arn:aws:bedrock:" + region + ":" + account + ":inference-profile/" + m.Profile,
		"type":                "SYSTEM_DEFINED", "models": []any{map[string]any{"modelArn": m.arn()}},
		"description": "Routes requests to " + m.Name + " in us-east-1, us-east-2 and us-west-2.",
		"createdAt":   "2025-05-01T00:00:00Z", "updatedAt": "2025-05-01T00:00:00Z",
	}
}
