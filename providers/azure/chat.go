package azure

import (
	"net/http"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// encode puts a request into the words of a deployment's model.
func (d *driver) encode(req *providers.Request, body *openai.Body) error {
	model := d.deployed.model(d.live(req.Model))
	switch {
	case openai.Reasons(strings.ToLower(model)):
		openai.LimitCompletion(body)
	case textOnly.MatchString(model) && len(req.Tools) > 0:
		return openai.Unsupported("tools", "the model has none: use another")
	case textOnly.MatchString(model) && len(req.ResponseFormat) > 0:
		return openai.Unsupported("response_format", "the model answers text: use another")
	}
	return nil
}

// options are Azure's parameters beside those of every vendor
// (https://learn.microsoft.com/azure/ai-foundry/openai/reference).
var options = []string{
	"data_sources", "modalities", "prediction", "prompt_cache_key", "safety_identifier", "service_tier",
	"user_security_context", "verbosity",
}

// tiers are Azure's tiers of service. Flex costs half, on deployments of the type Global
// Standard of a model that is offered so, counts towards the deployment's quota, and is
// refused with 429 and not billed where there is no capacity
// (https://learn.microsoft.com/azure/foundry/openai/how-to/flex-processing).
var tiers = map[string]bool{"auto": false, "default": false, "flex": true, "priority": false}

// words are Azure's own for what it refuses
// (https://learn.microsoft.com/azure/ai-foundry/openai/reference). The codes of
// models that are not OpenAI's are not documented.
var words = openai.Words{
	Codes: map[string]providers.Kind{
		"PermissionDenied":   providers.KindPermission,
		"DeploymentNotFound": providers.KindModelGone,
		"unknown_model":      providers.KindModelGone,
		"RateLimitReached":   providers.KindRateLimit,
		"NoCapacity":         providers.KindCapacity,
		"Timeout":            providers.KindTimeout,
		"RequestTimeout":     providers.KindTimeout,
	},
	Phrases: []openai.Phrase{
		{Text: "responsibleaipolicyviolation", Kind: providers.KindContentFilter},
		{Text: "content management policy", Kind: providers.KindContentFilter},
	},
	RequestIDs: []string{"Apim-Request-Id"},
}

// classify knows what Azure's errors mean beyond their code. It bills work that was
// done even where it is answered with an error, such as a prompt that was filtered or
// is too long (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/manage-costs).
func classify(f openai.Failure, e *providers.Error) {
	switch {
	case f.Status == http.StatusTooManyRequests && strings.Contains(strings.ToLower(f.Message), "high demand"):
		e.Kind = providers.KindCapacity
	case e.Kind == providers.KindContentFilter, e.Kind == providers.KindContext:
		e.Charge = providers.ChargeUnknown
	}
}
