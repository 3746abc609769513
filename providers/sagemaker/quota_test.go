package sagemaker_test

import (
	"fmt"
	"strings"
	"testing"
)

// granted answers Service Quotas with one quota.
func granted(name string, value int) string {
	return fmt.Sprintf(`{"Quotas":[{"QuotaCode":"L-0","QuotaName":"other","Value":900},{"QuotaCode":"L-1","QuotaName":%q,"Value":%d}]}`, name, value)
}

// Jobs of the machine count that are bought as this one would be, each with all of its machines.
func TestTrainingsThatCount(t *testing.T) {
	t.Parallel()
	const two = `{"TrainingJobSummaries":[{"TrainingJobName":"a"},{"TrainingJobName":"b"}]}`
	for _, c := range []struct {
		job, jobs string
		limit     int
		full      bool
		doubt     string
	}{
		{`{"ResourceConfig":{"InstanceType":"ml.g5.12xlarge","InstanceCount":2}}`, two, 4, true, ""},
		{`{"ResourceConfig":{"InstanceType":"ml.g5.12xlarge","InstanceCount":2}}`, two, 5, false, ""},
		{`{"ResourceConfig":{"InstanceType":"ml.g5.12xlarge","InstanceCount":9},"EnableManagedSpotTraining":true}`, two, 4, false, ""},
		{`{"ResourceConfig":{"InstanceType":"ml.g5.48xlarge","InstanceCount":9}}`, two, 4, false, ""},
		{`{}`, `{"TrainingJobSummaries":[],"NextToken":"more"}`, 4, false, "more runs than can be looked into"},
		{`{}`, `{"TrainingJobSummaries":[]}`, 0, true, ""},
	} {
		a := &account{answers: map[string]string{
			"ListServiceQuotas": granted("ml.g5.12xlarge for training job usage", c.limit),
			"ListTrainingJobs":  c.jobs, "DescribeTrainingJob": c.job,
		}}
		limits, err := trainerAt(t, a, nil).Tunable(t.Context(), llama)
		if err != nil || (limits.Full != "") != c.full || !strings.Contains(limits.Doubt, c.doubt) || (limits.Doubt == "") != (c.doubt == "") {
			t.Errorf("%+v: full %q, doubt %q, %v", c, limits.Full, limits.Doubt, err)
		}
		if c.limit > 0 && a.asked["ListTrainingJobs"] != `{"MaxResults":100,"StatusEquals":"InProgress"}` {
			t.Errorf("asked %s", a.asked["ListTrainingJobs"])
		}
	}
}

// Endpoints count with the machines that they have or are to get, by what their configurations name.
func TestEndpointsThatCount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		endpoint, config string
		full             bool
	}{
		{`{"EndpointStatus":"InService","EndpointConfigName":"c","ProductionVariants":[{"VariantName":"v","CurrentInstanceCount":3}]}`,
			`{"ProductionVariants":[{"VariantName":"v","InstanceType":"ml.g5.4xlarge","InitialInstanceCount":1}]}`, true},
		{`{"EndpointStatus":"Creating","EndpointConfigName":"c"}`,
			`{"ProductionVariants":[{"VariantName":"v","InstanceType":"ml.g5.4xlarge","InitialInstanceCount":3}]}`, true},
		{`{"EndpointStatus":"InService","EndpointConfigName":"c"}`,
			`{"ProductionVariants":[{"VariantName":"v","InstanceType":"ml.g5.2xlarge","InitialInstanceCount":3}]}`, false},
		{`{"EndpointStatus":"InService","EndpointConfigName":"c"}`,
			`{"ProductionVariants":[{"VariantName":"v","ServerlessConfig":{"MemorySizeInMB":4096}}]}`, false},
		{`{"EndpointStatus":"Failed","EndpointConfigName":"c"}`,
			`{"ProductionVariants":[{"VariantName":"v","InstanceType":"ml.g5.4xlarge","InitialInstanceCount":3}]}`, false},
	} {
		a := &account{answers: map[string]string{
			"ListServiceQuotas": granted("ml.g5.4xlarge for endpoint usage", 3), "ListEndpoints": `{"Endpoints":[{"EndpointName":"e"}]}`,
			"DescribeEndpoint": c.endpoint, "DescribeEndpointConfig": c.config,
		}}
		h, err := hostAt(t, a).Hosting(t.Context(), llama)
		if err != nil || (h.Full != "") != c.full || h.Doubt != "" {
			t.Errorf("%+v: full %q, doubt %q, %v", c, h.Full, h.Doubt, err)
		}
	}
}
