package sagemaker

import (
	"context"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/quota"
)

// serviceCode is SageMaker's in Service Quotas.
const serviceCode = "sagemaker"

// maxCounted bounds the jobs, and the endpoints, that are looked into for what counts against a quota.
const maxCounted = 100

// rooms tell whether the account may start one more machine. Each type of them has a quota for trainings, one for
// spot trainings and one for endpoints, which begin at 0
// (https://docs.aws.amazon.com/general/latest/gr/sagemaker.html).
type rooms struct {
	*plane
	quotas *amazon.Quotas
}

// told is where that is read.
var told = quota.Source{
	Name: "Service Quotas of SageMaker",
	Needs: "the access key needs servicequotas:ListServiceQuotas and GetServiceQuota, sagemaker:ListTrainingJobs, " +
		"DescribeTrainingJob, ListEndpoints, DescribeEndpoint and DescribeEndpointConfig",
}

// of reads one quota, and counts what there is against it where that matters.
func (r rooms) of(ctx context.Context, kind, use string, count func(context.Context, int64) (int64, error)) (full, doubt string) {
	return told.Room(ctx, func(ctx context.Context) ([]quota.Quota, error) {
		named := kind + " for " + use + " usage"
		limit, err := r.quotas.Named(ctx, serviceCode, named)
		if err != nil {
			return nil, err
		}
		found := quota.Quota{Name: named, Region: r.quotas.Region, Limit: limit, Raise: r.quotas.Raise(serviceCode)}
		if limit > 0 {
			found.Used, err = count(ctx, limit)
		}
		return []quota.Quota{found}, err
	})
}

// forTraining tells of one more training on a machine.
func (r rooms) forTraining(ctx context.Context, kind string, spot bool) (full, doubt string) {
	use := "training job"
	if spot {
		use = "spot training job"
	}
	return r.of(ctx, kind, use, func(ctx context.Context, limit int64) (used int64, err error) {
		list := listing{"ListTrainingJobs", map[string]any{"StatusEquals": "InProgress"}, "TrainingJobSummaries", "TrainingJobName"}
		err = r.each(ctx, list, func(named string) (bool, error) {
			var found struct {
				Resources resources `json:"ResourceConfig"`
				Spot      bool      `json:"EnableManagedSpotTraining"`
			}
			err := r.ask(ctx, "DescribeTrainingJob", map[string]string{"TrainingJobName": named}, &found)
			if found.Resources.Instance == kind && found.Spot == spot {
				used += int64(found.Resources.Count)
			}
			return used >= limit, err
		})
		return used, err
	})
}

// forEndpoint tells of one more endpoint on a machine.
func (r rooms) forEndpoint(ctx context.Context, kind string) (full, doubt string) {
	return r.of(ctx, kind, "endpoint", func(ctx context.Context, limit int64) (used int64, err error) {
		list := listing{"ListEndpoints", map[string]any{}, "Endpoints", "EndpointName"}
		err = r.each(ctx, list, func(named string) (bool, error) {
			count, err := r.machines(ctx, named, kind)
			used += count
			return used >= limit, err
		})
		return used, err
	})
}

// machinesOf is a part of an endpoint, with the machines that it has or is to get.
type machinesOf struct {
	Name    string `json:"VariantName"`
	Kind    string `json:"InstanceType"`
	First   int64  `json:"InitialInstanceCount"`
	Current int64  `json:"CurrentInstanceCount"`
	Desired int64  `json:"DesiredInstanceCount"`
}

// machines counts those of a type that an endpoint has: how many stands at the endpoint, of what type in its
// configuration. One that is gone meanwhile, or has failed, has none.
func (r rooms) machines(ctx context.Context, named, kind string) (count int64, err error) {
	var found struct {
		Status   string       `json:"EndpointStatus"`
		Config   string       `json:"EndpointConfigName"`
		Variants []machinesOf `json:"ProductionVariants"`
	}
	err = r.ask(ctx, "DescribeEndpoint", map[string]string{"EndpointName": named}, &found)
	if absent(err) || err == nil && states[found.Status] == providers.DeploymentFailed {
		return 0, nil
	}
	var config struct {
		Variants []machinesOf `json:"ProductionVariants"`
	}
	if err == nil {
		err = r.ask(ctx, "DescribeEndpointConfig", map[string]string{"EndpointConfigName": found.Config}, &config)
	}
	for _, asked := range config.Variants {
		if asked.Kind != kind {
			continue
		}
		has := asked.First
		for _, v := range found.Variants {
			if v.Name == asked.Name && max(v.Current, v.Desired) > 0 {
				has = max(v.Current, v.Desired)
			}
		}
		count += has
	}
	return count, err
}

// listing is a list of names, by pages.
type listing struct {
	operation     string
	asked         map[string]any
	member, named string
}

// each hands over the names of a list, until one is enough.
func (r rooms) each(ctx context.Context, l listing, enough func(named string) (bool, error)) error {
	l.asked["MaxResults"] = maxCounted
	var page map[string]any
	if err := r.ask(ctx, l.operation, l.asked, &page); err != nil {
		return err
	}
	list, isList := page[l.member].([]any)
	if !isList {
		return r.client.Garbled("the list of what runs can not be read")
	}
	for _, one := range list {
		object, _ := one.(map[string]any)
		named, _ := object[l.named].(string)
		if done, err := enough(named); done || err != nil {
			return err
		}
	}
	if page["NextToken"] != nil {
		return r.client.Garbled("more runs than can be looked into")
	}
	return nil
}
