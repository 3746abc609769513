package emulator

import (
	"fmt"
	"net/http"
	"slices"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// The quotas of Vertex AI that matter to what is tuned, by their ids. That of fine-tunes is of the emulator's own
// making: Google's pages have its name alone.
const (
	quotaH100    = "CustomModelServingH100GPUsPerProjectPerRegion"
	quotaL4      = "CustomModelServingL4GPUsPerProjectPerRegion"
	quotaTunings = "GlobalConcurrentManagedOSSModelFineTuningJobsPerProject"
	nameTunings  = "Global concurrent managed OSS model fine-tuning jobs per project"
)

// What the project may have to begin with: accelerators in the region, and fine-tunes at once.
const (
	grantedAccelerators = 400
	grantedTunings      = 50
)

// servingRegion is the one region where the project has accelerators.
const servingRegion = "us-central1"

// accelerators are what a machine has.
func accelerators(machine string) (id, kind string, count int64) {
	if machine == "a3-highgpu-8g" {
		return quotaH100, "NVIDIA_H100_80GB", 8
	}
	return quotaL4, "NVIDIA_L4", 1
}

// limits are those of the project.
type limits struct{ *emulator }

// routes are those of the Cloud Quotas API
// (https://cloud.google.com/docs/quotas/reference/rest/v1/projects.locations.services.quotaInfos).
func (e limits) routes(mux *http.ServeMux) {
	infos := "GET /v1/projects/{project}/locations/{location}/services/{service}/quotaInfos"
	mux.HandleFunc(infos, e.gemini.Vendor.Answer(e.listQuotas))
	mux.HandleFunc(infos+"/{id}", e.gemini.Vendor.Answer(e.getQuota))
}

// quotaInfos are all quotas that there are.
func (e limits) quotaInfos() []map[string]any {
	regional := func(id, what string) map[string]any {
		return e.quotaInfo(id, "Custom model serving "+what+" per region", []any{
			value(map[string]string{"region": servingRegion}, e.lab.Quotas.Of(name, id, grantedAccelerators), servingRegion),
			value(map[string]string{}, 0, "europe-west4", "us-east5"),
		})
	}
	return []map[string]any{
		regional("CustomModelServingCPUsPerProjectPerRegion", "CPUs"), regional(quotaH100, "Nvidia H100 GPUs"),
		regional(quotaL4, "Nvidia L4 GPUs"),
		e.quotaInfo(quotaTunings, nameTunings, []any{
			value(map[string]string{}, e.lab.Quotas.Of(name, nameTunings, grantedTunings), "global"),
		}),
	}
}

func (e limits) quotaInfo(id, named string, values []any) map[string]any {
	return map[string]any{
		"name":    "projects/" + project + "/locations/global/services/aiplatform.googleapis.com/quotaInfos/" + id,
		"quotaId": id, "quotaDisplayName": named, "metricDisplayName": named, "service": "aiplatform.googleapis.com",
		"isPrecise": true, "containerType": "PROJECT", "quotaIncreaseEligibility": map[string]any{"isEligible": true},
		"dimensionsInfos": values,
	}
}

// value is that of some places. Google writes numbers as texts, and leaves out what is 0.
func value(dimensions map[string]string, limit int64, locations ...string) any {
	details := map[string]any{}
	if limit != 0 {
		details["value"] = fmt.Sprint(limit)
	}
	return map[string]any{"dimensions": dimensions, "details": details, "applicableLocations": locations}
}

// listQuotas lists them by pages of two.
func (e limits) listQuotas(r *http.Request) (any, *lab.Failure) {
	if refused := quotasOf(r); refused != nil {
		return nil, refused
	}
	all := e.quotaInfos()
	from := lab.Between(r.URL.Query().Get("pageToken"), 0, len(all), 0)
	to := min(from+lab.Between(r.URL.Query().Get("pageSize"), 1, 2, 2), len(all))
	page := map[string]any{"quotaInfos": all[from:to]}
	if to < len(all) {
		page["nextPageToken"] = fmt.Sprint(to)
	}
	return page, nil
}

func (e limits) getQuota(r *http.Request) (any, *lab.Failure) {
	if refused := quotasOf(r); refused != nil {
		return nil, refused
	}
	all := e.quotaInfos()
	at := slices.IndexFunc(all, func(info map[string]any) bool { return info["quotaId"] == r.PathValue("id") })
	if at < 0 {
		return nil, &lab.Failure{Status: http.StatusNotFound, Message: "Quota info not found."}
	}
	return all[at], nil
}

// quotasOf refuses quotas of others than the project's Vertex AI.
func quotasOf(r *http.Request) *lab.Failure {
	if r.PathValue("location") != "global" || r.PathValue("service") != "aiplatform.googleapis.com" {
		return &lab.Failure{Status: http.StatusNotFound, Message: "Quota info not found."}
	}
	return within(r)
}

// exhausted refuses what is beyond a quota.
func exhausted(metric string) *lab.Failure {
	return &lab.Failure{Status: http.StatusTooManyRequests, Type: "RESOURCE_EXHAUSTED", Message: "The following quota metrics " +
		"exceed quota limits: aiplatform.googleapis.com/" + metric}
}

// serving counts the accelerators that are in use, each by its quota.
func (e limits) serving(quota string) (used int64) {
	for _, endpoint := range e.account.Hosting.Endpoints() {
		for _, d := range endpoint.Deployments {
			id, _, count := accelerators(d.Hardware)
			if id == quota && d.State(e.lab.Now()) != work.DeploymentStopped {
				used += count * int64(d.Min)
			}
		}
	}
	return used
}

// beyondServing refuses machines for which the project has no accelerators.
func (e limits) beyondServing(machine string, replicas int) *lab.Failure {
	id, _, count := accelerators(machine)
	if e.serving(id)+count*int64(replicas) <= e.lab.Quotas.Of(name, id, grantedAccelerators) {
		return nil
	}
	return exhausted(map[string]string{
		quotaH100: "custom_model_serving_nvidia_h100_gpus", quotaL4: "custom_model_serving_nvidia_l4_gpus",
	}[id])
}

// beyondTunings refuses one fine-tune more than may run at once.
func (e limits) beyondTunings() *lab.Failure {
	running := int64(0)
	for _, t := range e.account.Trainings.List() {
		if !t.State(e.lab.Now()).Ended() {
			running++
		}
	}
	if running < e.lab.Quotas.Of(name, nameTunings, grantedTunings) {
		return nil
	}
	return exhausted("global_concurrent_managed_oss_model_fine_tuning_jobs")
}

// endpoints lists those of the location, each with what is deployed there, by pages.
func (e hosting) endpoints(r *http.Request) (any, *lab.Failure) {
	list := []any{}
	for _, found := range e.account.Hosting.Endpoints() {
		list = append(list, e.endpointObject(r, found))
	}
	from := lab.Between(r.URL.Query().Get("pageToken"), 0, len(list), 0)
	to := min(from+lab.Between(r.URL.Query().Get("pageSize"), 1, 2, 2), len(list))
	page := map[string]any{"endpoints": list[from:to]}
	if to < len(list) {
		page["nextPageToken"] = fmt.Sprint(to)
	}
	return page, nil
}

// deployedObject is a model at its endpoint, with its machine.
func deployedObject(d *work.Deployment) any {
	_, kind, count := accelerators(d.Hardware)
	return map[string]any{
		"id": d.ID, "model": "models/" + d.ID, "dedicatedResources": map[string]any{
			"machineSpec":     map[string]any{"machineType": d.Hardware, "acceleratorType": kind, "acceleratorCount": count},
			"minReplicaCount": d.Min, "maxReplicaCount": d.Max,
		},
	}
}
