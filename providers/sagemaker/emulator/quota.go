package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// granted is how many machines of each type the account may have for each use, to begin with. Of the others it has
// AWS's default, which is none.
const granted = 50

// The uses of machines, as the names of their quotas have them.
const (
	useEndpoint = "endpoint"
	useTraining = "training job"
	useSpot     = "spot training job"
)

// use is that of a job's machines.
func (ask *jobAsk) use() string {
	if ask.Spot {
		return useSpot
	}
	return useTraining
}

func quotaName(instance, use string) string { return instance + " for " + use + " usage" }

// limits are those of the account.
type limits struct{ *emulator }

// quotas are one of each type of machine for each use.
func (e limits) quotas() amazon.Quotas {
	s := amazon.Quotas{Lab: e.lab, Vendor: e.vendor, Service: name}
	for _, instance := range []string{
		"ml.g5.2xlarge", "ml.g5.4xlarge", "ml.g5.12xlarge", "ml.g5.24xlarge", "ml.g5.48xlarge", "ml.p4d.24xlarge", "ml.p5.48xlarge",
	} {
		for _, use := range []string{useEndpoint, useTraining, useSpot} {
			q := amazon.Quota{Name: quotaName(instance, use)}
			if hourly(instance) > 0 {
				q.Value = granted
			}
			s.Known = append(s.Known, q)
		}
	}
	return s
}

// beyond refuses more machines than the account may have.
func (e limits) beyond(instance, use string, more int) *lab.Failure {
	limit, used := e.quotas().Value(quotaName(instance, use)), e.used(instance, use)
	if used+int64(more) <= limit && hourly(instance) > 0 {
		return nil
	}
	return &lab.Failure{Status: http.StatusBadRequest, Type: "ResourceLimitExceeded", Message: fmt.Sprintf(
		"The account-level service limit '%s' is %d Instances, with current utilization of %d Instances and a request delta of "+
			"%d Instances. Please use AWS Service Quotas to request an increase for this quota.",
		quotaName(instance, use), limit, used, more)}
}

// used counts the machines that run for a use.
func (e limits) used(instance, use string) (used int64) {
	now := e.lab.Now()
	if use != useEndpoint {
		for _, t := range e.account.Trainings.List() {
			ask := asked(t)
			if ask.Resources != nil && ask.Resources.Instance == instance && ask.Spot == (use == useSpot) && !t.State(now).Ended() {
				used += int64(ask.Resources.Count)
			}
		}
		return used
	}
	for _, s := range e.standing {
		if s.instance == instance {
			used++
		}
	}
	for _, endpoint := range e.account.Hosting.Endpoints() {
		if d := endpoint.Find(endpoint.Name); d != nil && d.Hardware == instance && d.State(now) != work.DeploymentStopped {
			used += int64(d.Max)
		}
	}
	return used
}

// variants are the parts of an endpoint, each with its machines.
func variants(count int) []any {
	return []any{map[string]any{"VariantName": "AllTraffic", "CurrentInstanceCount": count, "DesiredInstanceCount": count}}
}

// standingConfig is the configuration of an endpoint that is there from the beginning.
func standingConfig(all []stand, named string) (any, bool) {
	for _, s := range all {
		if s.endpoint == named {
			config := configAsk{Name: named, Variants: []variant{{Name: "AllTraffic", Model: named, Instance: s.instance, Count: 1}}}
			return json.RawMessage(encoded(config)), true
		}
	}
	return nil, false
}
