package databricks

import (
	"context"
	"net/http"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// options are Databricks' parameters beside those of OpenAI's
// (https://docs.databricks.com/machine-learning/foundation-model-apis/api-reference).
var options = []string{"thinking", "top_k"}

// words are the codes of Databricks' errors, beside those whose status says as much.
var words = openai.Words{
	Codes: map[string]providers.Kind{
		"UNAUTHENTICATED":         providers.KindAuth,
		"PERMISSION_DENIED":       providers.KindPermission,
		"FEATURE_DISABLED":        providers.KindPermission,
		"RESOURCE_DOES_NOT_EXIST": providers.KindModelGone,
		"REQUEST_LIMIT_EXCEEDED":  providers.KindRateLimit,
		"RESOURCE_EXHAUSTED":      providers.KindRateLimit,
		"TEMPORARILY_UNAVAILABLE": providers.KindCapacity,
		"DEADLINE_EXCEEDED":       providers.KindTimeout,
	},
	Phrases:    []openai.Phrase{{Text: "invalid access token", Kind: providers.KindAuth}},
	RequestIDs: []string{"X-Databricks-Request-Id"},
}

// classify knows what has no code of its own.
func classify(f openai.Failure, e *providers.Error) {
	if f.Status == http.StatusForbidden && strings.Contains(strings.ToLower(f.Message), "invalid access token") {
		e.Kind = providers.KindAuth // its code is that of a lack of rights
	}
}

// encode leaves out the model, which the path names, and bounds answers as the model
// understands it.
func encode(req *providers.Request, body *openai.Body) error {
	body.Model = ""
	if openai.Reasons(strings.TrimPrefix(req.Model, "databricks-")) {
		openai.LimitCompletion(body)
	}
	return nil
}

// Models lists the workspace's endpoints that answer.
func (d *driver) Models(ctx context.Context) ([]providers.ModelInfo, error) {
	var out struct {
		Endpoints []endpoint `json:"endpoints"`
	}
	call := openai.Call{Method: http.MethodGet, URL: d.host + "/api/2.0/serving-endpoints", Out: &out}
	if _, err := d.Do(ctx, call); err != nil {
		return nil, err
	}
	infos := make([]providers.ModelInfo, 0, len(out.Endpoints))
	for _, e := range out.Endpoints {
		infos = append(infos, providers.ModelInfo{ID: e.Name, OwnedBy: name, Active: e.State.Ready == ready})
	}
	return infos, nil
}
