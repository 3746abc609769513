package vertex

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"dreamlab/providers/openai"
	"dreamlab/providers/quota"
)

// told is where quotas are told.
var told = quota.Source{
	Name:  "the Cloud Quotas API",
	Needs: "enable cloudquotas.googleapis.com in the project, and give the account the role Cloud Quotas Viewer",
}

// servingQuotas are the ids of the quotas of accelerators that serve, for each region, as Google's own command line
// has them (google-cloud-sdk, lib/googlecloudsdk/command_lib/ai/model_garden_utils.py).
var servingQuotas = map[string]string{
	"NVIDIA_TESLA_P4":     "CustomModelServingP4GPUsPerProjectPerRegion",
	"NVIDIA_TESLA_T4":     "CustomModelServingT4GPUsPerProjectPerRegion",
	"NVIDIA_L4":           "CustomModelServingL4GPUsPerProjectPerRegion",
	"NVIDIA_TESLA_V100":   "CustomModelServingV100GPUsPerProjectPerRegion",
	"NVIDIA_TESLA_P100":   "CustomModelServingP100GPUsPerProjectPerRegion",
	"NVIDIA_TESLA_A100":   "CustomModelServingA100GPUsPerProjectPerRegion",
	"NVIDIA_A100_80GB":    "CustomModelServingA10080GBGPUsPerProjectPerRegion",
	"NVIDIA_H100_80GB":    "CustomModelServingH100GPUsPerProjectPerRegion",
	"NVIDIA_RTX_PRO_6000": "CustomModelServingRTXPRO6000GPUsPerProjectPerRegion",
}

// tuningQuota is the name of the quota of fine-tunes of open models that run at once, in all regions together
// (https://cloud.google.com/vertex-ai/generative-ai/docs/models/open-model-tuning). Its id is not told there.
const tuningQuota = "Global concurrent managed OSS model fine-tuning jobs per project"

// quotaPages bounds the pages of all quotas of Vertex AI.
const quotaPages = 20

// quotas are those of the project for Vertex AI
// (https://cloud.google.com/docs/quotas/reference/rest/v1/projects.locations.services.quotaInfos).
type quotas struct {
	*driver
	infos string // their address

	mu     sync.Mutex
	tuning string // id of the quota of fine-tunes, once it was found
}

func newQuotas(d *driver, base string) (*quotas, error) {
	base, err := openai.CheckBase(envQuotas, base)
	if err != nil {
		return nil, err
	}
	return &quotas{driver: d, infos: base + "/v1/projects/" + d.place.project +
		"/locations/global/services/aiplatform.googleapis.com/quotaInfos"}, nil
}

// quotaInfo is a quota with its values by region. What has none of its own has that without a region.
type quotaInfo struct {
	ID     string `json:"quotaId"`
	Metric string `json:"metricDisplayName"`
	Name   string `json:"quotaDisplayName"`
	Values []struct {
		Dimensions map[string]string `json:"dimensions"`
		Details    struct {
			Value json.RawMessage `json:"value"` // a number in a text; left out where it is 0
		} `json:"details"`
		Locations []string `json:"applicableLocations"`
	} `json:"dimensionsInfos"`
}

// in returns the value in a region.
func (q quotaInfo) in(region string) (value int64, told bool) {
	for _, own := range []bool{true, false} {
		for _, v := range q.Values {
			if slices.Contains(v.Locations, region) && (v.Dimensions["region"] == region) == own {
				text := strings.Trim(string(v.Details.Value), `"`)
				if text == "" {
					return 0, true
				}
				value, err := strconv.ParseInt(text, 10, 64)
				return value, err == nil
			}
		}
	}
	return 0, false
}

func (q *quotas) raise() string {
	return "have it raised on https://console.cloud.google.com/iam-admin/quotas?project=" + q.place.project
}

// one makes a quota of what was told.
func (q *quotas) one(info quotaInfo, region string) (quota.Quota, error) {
	limit, found := info.in(region)
	if !found {
		return quota.Quota{}, q.Garbled("the answer tells no value of the quota in " + region)
	}
	return quota.Quota{Name: info.ID, Region: region, Limit: limit, Raise: q.raise()}, nil
}

func (q *quotas) get(ctx context.Context, address string, out any) error {
	_, err := q.Do(ctx, openai.Call{Method: http.MethodGet, URL: address, Out: out})
	return err
}

// forMachine tells of one more machine that serves in the region.
func (q *quotas) forMachine(ctx context.Context, m machine) (full, doubt string) {
	return told.Room(ctx, func(ctx context.Context) ([]quota.Quota, error) {
		id := servingQuotas[m.accelerator]
		if id == "" {
			return nil, q.Garbled("which quota " + m.accelerator + " has is not known here")
		}
		var info quotaInfo
		if err := q.get(ctx, q.infos+"/"+id, &info); err != nil {
			return nil, err
		}
		found, err := q.one(info, q.place.tuning)
		if err != nil {
			return nil, err
		}
		found.Need = int64(m.count)
		if found.Limit >= found.Need {
			found.Used, err = q.serving(ctx, m.accelerator)
		}
		return []quota.Quota{found}, err
	})
}

// serving counts the accelerators of a kind that serve in the region.
func (q *quotas) serving(ctx context.Context, kind string) (used int64, err error) {
	type model struct {
		Resources struct {
			Machine struct {
				Kind  string `json:"acceleratorType"`
				Count int64  `json:"acceleratorCount"`
			} `json:"machineSpec"`
			Min int64 `json:"minReplicaCount"`
		} `json:"dedicatedResources"`
		Status struct {
			Replicas int64 `json:"availableReplicaCount"`
		} `json:"status"`
	}
	next := ""
	for range quotaPages {
		var page struct {
			Endpoints []struct {
				Deployed []model `json:"deployedModels"`
			} `json:"endpoints"`
			Next string `json:"nextPageToken"`
		}
		query := url.Values{"pageSize": {"100"}, "pageToken": {next}}
		if err := q.get(ctx, q.place.beta()+"/endpoints?"+query.Encode(), &page); err != nil {
			return 0, err
		}
		for _, e := range page.Endpoints {
			for _, d := range e.Deployed {
				if r := d.Resources; r.Machine.Kind == kind {
					used += r.Machine.Count * max(r.Min, d.Status.Replicas, 1)
				}
			}
		}
		if next = page.Next; next == "" {
			return used, nil
		}
	}
	return used, q.Garbled("more endpoints than can be looked into")
}

// forTuning tells of one more fine-tune.
func (q *quotas) forTuning(ctx context.Context) (full, doubt string) {
	return told.Room(ctx, func(ctx context.Context) ([]quota.Quota, error) {
		info, err := q.ofTuning(ctx)
		if err != nil {
			return nil, err
		}
		found, err := q.one(info, global)
		if err != nil {
			return nil, err
		}
		found.Name = tuningQuota
		if found.Limit > 0 {
			found.Used, err = q.tunings(ctx)
		}
		return []quota.Quota{found}, err
	})
}

// ofTuning finds the quota of fine-tunes by its name the first time, and then by its id.
func (q *quotas) ofTuning(ctx context.Context) (info quotaInfo, err error) {
	q.mu.Lock()
	id := q.tuning
	q.mu.Unlock()
	if id != "" {
		return info, q.get(ctx, q.infos+"/"+id, &info)
	}
	next := ""
	for range quotaPages {
		var page struct {
			Infos []quotaInfo `json:"quotaInfos"`
			Next  string      `json:"nextPageToken"`
		}
		query := url.Values{"pageSize": {"500"}, "pageToken": {next}}
		if err := q.get(ctx, q.infos+"?"+query.Encode(), &page); err != nil {
			return quotaInfo{}, err
		}
		for _, info := range page.Infos {
			if info.ID != "" && (strings.EqualFold(info.Name, tuningQuota) || strings.EqualFold(info.Metric, tuningQuota)) {
				q.mu.Lock()
				q.tuning = info.ID
				q.mu.Unlock()
				return info, nil
			}
		}
		if next = page.Next; next == "" {
			break
		}
	}
	return quotaInfo{}, q.Garbled("the list has no quota " + tuningQuota)
}

// tunings counts the fine-tunes of open models that run where this program starts them. Those of other regions count
// against the quota, too, but are not seen from here.
func (q *quotas) tunings(ctx context.Context) (used int64, err error) {
	var page struct {
		Jobs []tuneJob `json:"tuningJobs"`
	}
	query := url.Values{"pageSize": {"100"}}
	if err := q.get(ctx, q.place.beta()+"/tuningJobs?"+query.Encode(), &page); err != nil {
		return 0, err
	}
	for _, j := range page.Jobs {
		if state, known := tuneStates[j.State]; known && !state.Ended() {
			used++
		}
	}
	return used, nil
}
