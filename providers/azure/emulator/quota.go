package emulator

import (
	"fmt"
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// location is the region of the one resource there is.
const location = "swedencentral"

// What the subscription may have to begin with: thousand tokens a minute of each type and model, and deployments of
// tuned models.
const (
	grantedCapacity    = 5000
	grantedDeployments = 50
	tunedDeployments   = "OpenAI.FineTuned.Deployments"
)

// capacity is what each deployment has, in thousand tokens a minute.
const capacity = 50

// usageName is the quota of a tuned model's deployments of a type. Azure leaves out the first point of "gpt-4.1".
func usageName(sku, model string) string {
	kind := map[string]string{"standard": "Standard", "globalstandard": "GlobalStandard", developer: "DeveloperTier"}[sku]
	return "OpenAI." + kind + "." + strings.Replace(model, "gpt-4.1", "gpt4.1", 1) + "-finetune"
}

// limits are those of the subscription.
type limits struct{ *emulator }

// routes are those that tell what the subscription may have in the region, and what it has.
func (e limits) routes(mux *http.ServeMux, account string) {
	mux.HandleFunc("GET "+account, versioned(e.vendor.Answer(func(*http.Request) (any, *lab.Failure) {
		return map[string]any{
			"id": account, "name": "sandbox", "type": "Microsoft.CognitiveServices/accounts", "kind": "AIServices", "location": location,
			"sku": map[string]any{"name": "S0"}, "properties": map[string]any{"provisioningState": "Succeeded"},
		}, nil
	})))
	usages := "GET /subscriptions/sandbox/providers/Microsoft.CognitiveServices/locations/{location}/usages"
	mux.HandleFunc(usages, versioned(e.vendor.Answer(e.usages)))
}

// usages lists the quotas with what counts against them.
func (e limits) usages(r *http.Request) (any, *lab.Failure) {
	if r.PathValue("location") != location {
		return map[string]any{"value": []any{}}, nil
	}
	list := []any{usageObject(tunedDeployments, e.limit(tunedDeployments), e.inUse("", ""))}
	for _, d := range e.deployed {
		for _, sku := range skus() {
			if d.train > 0 && !d.fixed {
				named := usageName(sku, d.name)
				list = append(list, usageObject(named, e.limit(named), capacity*e.inUse(sku, d.name)))
			}
		}
	}
	return map[string]any{"value": list}, nil
}

func usageObject(named string, limit, used int64) any {
	return map[string]any{
		"name": map[string]string{"value": named, "localizedValue": named}, "currentValue": used, "limit": limit, "unit": "Count",
	}
}

// limit is what a quota is now.
func (e limits) limit(named string) int64 {
	if named == tunedDeployments {
		return e.lab.Quotas.Of(name, named, grantedDeployments)
	}
	return e.lab.Quotas.Of(name, named, grantedCapacity)
}

// inUse counts the deployments of tuned models: all, or those of a type and a base.
func (e limits) inUse(sku, base string) (n int64) {
	for _, endpoint := range e.account.Hosting.Endpoints() {
		for _, d := range endpoint.Deployments {
			of, _ := e.tunable(d.Base)
			if d.State(e.lab.Now()) != work.DeploymentStopped && (sku == "" || d.Hardware == sku && of.name == base) {
				n++
			}
		}
	}
	return n
}

// insufficient refuses a deployment for which there is no room.
func (e limits) insufficient(sku, trained string) *lab.Failure {
	of, _ := e.tunable(trained)
	base := of.name
	for _, q := range []struct {
		named      string
		used, more int64
	}{{tunedDeployments, e.inUse("", ""), 1}, {usageName(sku, base), capacity * e.inUse(sku, base), capacity}} {
		if limit := e.limit(q.named); q.used+q.more > limit {
			return &lab.Failure{Status: http.StatusBadRequest, Code: "InsufficientQuota", Message: fmt.Sprintf(
				"This operation require %d new capacity in quota %s, which is bigger than the current available capacity %d. The "+
					"current quota usage is %d and the quota limit is %d for quota %s.",
				q.more, q.named, max(limit-q.used, 0), q.used, limit, q.named)}
		}
	}
	return nil
}
