package azure

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dreamlab/providers/openai"
	"dreamlab/providers/quota"
)

// tunedDeployments is the quota of how many tuned models may be deployed at all.
const tunedDeployments = "OpenAI.FineTuned.Deployments"

// raiseQuota says how a quota is raised.
const raiseQuota = "raise it on the page Quota of the Foundry portal, https://ai.azure.com/managementCenter/quota, or by " +
	"https://aka.ms/oai/stuquotarequest"

// told is where quotas are told.
var told = quota.Source{
	Name:  "the usages of the Azure subscription",
	Needs: "the application needs the role Cognitive Services Usages Reader on the subscription",
}

// offeredSKU is a type of deployment that a model may have. Each has a quota of its own, and one for what is tuned.
type offeredSKU struct {
	Name  string `json:"name"`
	Usage string `json:"usageName"`
}

// usageOf is the quota of tuned models of a type, "" where none is told.
func usageOf(skus []offeredSKU, sku string) string {
	at := slices.IndexFunc(skus, func(s offeredSKU) bool {
		return strings.EqualFold(s.Name, sku) && strings.HasSuffix(strings.ToLower(s.Usage), "-finetune")
	})
	if at < 0 {
		return ""
	}
	return skus[at].Usage
}

// usage is a quota with its use
// (https://learn.microsoft.com/rest/api/aiservices/accountmanagement/usages/list).
type usage struct {
	Name struct {
		Value string `json:"value"`
	} `json:"name"`
	Used  float64  `json:"currentValue"`
	Limit *float64 `json:"limit"`
}

// room tells whether one more tuned model can be deployed in the resource's region: first on trial, then in service.
func (d hostDriver) room(ctx context.Context, skus []offeredSKU) (full, doubt string) {
	return told.Room(ctx, func(ctx context.Context) ([]quota.Quota, error) {
		var account struct {
			Location string `json:"location"`
		}
		if err := d.manage(ctx, openai.Call{Method: http.MethodGet, URL: d.url(""), Out: &account}); err != nil {
			return nil, err
		}
		if account.Location == "" {
			return nil, d.manager.Garbled("the resource does not tell its region")
		}
		usages, err := d.usages(ctx, account.Location)
		if err != nil {
			return nil, err
		}
		found := []quota.Quota{}
		for _, sku := range []string{d.trial, d.service} {
			q, err := d.quotaOf(usages, usageOf(skus, sku), account.Location)
			if err != nil {
				return found, err
			}
			q.Need = capacity
			if q.Name += " (thousand tokens a minute)"; !slices.Contains(found, q) {
				found = append(found, q)
			}
		}
		if q, err := d.quotaOf(usages, tunedDeployments, account.Location); err == nil { // not every subscription has it
			found = append(found, q)
		}
		return found, nil
	})
}

// usagePages bounds the pages of a subscription's quotas.
const usagePages = 20

// usages are the subscription's quotas in a region. The next page is only looked for where the first one was.
func (d hostDriver) usages(ctx context.Context, location string) (all []usage, err error) {
	subscription, _, _ := strings.Cut(d.resource, "/resourceGroups/")
	address := subscription + "/providers/Microsoft.CognitiveServices/locations/" + url.PathEscape(location) + "/usages?" +
		url.Values{"api-version": {managerVersion}}.Encode()
	for range usagePages {
		var page struct {
			Value []usage `json:"value"`
			Next  string  `json:"nextLink"`
		}
		if err := d.manage(ctx, openai.Call{Method: http.MethodGet, URL: address, Out: &page}); err != nil {
			return all, err
		}
		all = append(all, page.Value...)
		if address = page.Next; !strings.HasPrefix(address, subscription+"/") {
			break
		}
	}
	return all, nil
}

func (d hostDriver) quotaOf(usages []usage, named, location string) (quota.Quota, error) {
	at := slices.IndexFunc(usages, func(u usage) bool { return named != "" && strings.EqualFold(u.Name.Value, named) })
	if at < 0 || usages[at].Limit == nil {
		return quota.Quota{}, d.manager.Garbled("no quota of deployments of the tuned model is among them")
	}
	return quota.Quota{
		Name: usages[at].Name.Value, Region: location, Limit: int64(*usages[at].Limit), Used: int64(usages[at].Used), Raise: raiseQuota,
	}, nil
}
