package bedrock

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// maxPages bounds a list that never ends. A page has up to 1,000 profiles.
const maxPages = 20

// foundation is a model of the region
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_FoundationModelSummary.html).
type foundation struct {
	ID        string   `json:"modelId"`
	Provider  string   `json:"providerName"`
	Served    []string `json:"inferenceTypesSupported"`
	Lifecycle struct {
		Status string `json:"status"`
	} `json:"modelLifecycle"`
}

// profile is a name under which a model is served in several regions
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_InferenceProfileSummary.html).
type profile struct {
	ID     string `json:"inferenceProfileId"`
	Status string `json:"status"`
}

// Models lists the models of the region and the inference profiles, as
// [providers.Driver] says. A model that is served by profile alone is not active
// under its own name.
func (d *driver) Models(ctx context.Context) ([]providers.ModelInfo, error) {
	var found struct {
		Models []foundation `json:"modelSummaries"`
	}
	call := openai.Call{Method: http.MethodGet, URL: d.controlBase + "/foundation-models", Out: &found}
	if _, err := d.control.Do(ctx, call); err != nil {
		return nil, err
	}
	profiles, err := d.profiles(ctx)
	if err != nil {
		return nil, err
	}
	infos := make([]providers.ModelInfo, 0, len(found.Models)+len(profiles))
	for _, m := range found.Models {
		served := slices.Contains(m.Served, "ON_DEMAND") || slices.Contains(m.Served, "PROVISIONED")
		infos = append(infos, providers.ModelInfo{
			ID: m.ID, OwnedBy: m.Provider, Active: served && m.Lifecycle.Status == "ACTIVE",
		})
	}
	for _, p := range profiles {
		infos = append(infos, providers.ModelInfo{ID: p.ID, OwnedBy: ownerOf(p.ID), Active: p.Status == "ACTIVE"})
	}
	return infos, nil
}

// ownerOf returns whose model a profile is: "meta" of "us.meta.llama4-…".
func ownerOf(profile string) string {
	words := strings.SplitN(profile, ".", 3)
	if len(words) < 3 {
		return ""
	}
	return words[1]
}

func (d *driver) profiles(ctx context.Context) ([]profile, error) {
	var all []profile
	query := url.Values{"maxResults": {"1000"}}
	for range maxPages {
		var page struct {
			Profiles []profile `json:"inferenceProfileSummaries"`
			Next     string    `json:"nextToken"`
		}
		call := openai.Call{
			Method: http.MethodGet, URL: d.controlBase + "/inference-profiles?" + query.Encode(), Out: &page,
		}
		if _, err := d.control.Do(ctx, call); err != nil {
			return nil, err
		}
		all = append(all, page.Profiles...)
		if page.Next == "" {
			break
		}
		query.Set("nextToken", page.Next)
	}
	return all, nil
}
