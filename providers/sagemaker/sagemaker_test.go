package sagemaker_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers"
	"dreamlab/providers/bill"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sagemaker"
	"dreamlab/providers/sagemaker/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = providertest.OnLab(emulator.New)

func settings(base string) map[string]string { return sagemaker.Vendor.Sandbox(base, providertest.Key) }

// onSpot trains on spot machines.
func onSpot(base string) map[string]string {
	values := settings(base)
	values["SAGEMAKER_SPOT"] = "true"
	return values
}

// byTokens trains without machines, and serves adapters on their base.
func byTokens(base string) map[string]string {
	values := settings(base)
	values["SAGEMAKER_WAY"] = "serverless"
	values["SAGEMAKER_MODEL_PACKAGE_GROUP"] = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/tunes"
	values["SAGEMAKER_TOKEN_PRICES"] = llama + "=2.40,meta-textgeneration-llama-3-1-70b-instruct=12"
	return values
}

const (
	llama    = "meta-textgeneration-llama-3-1-8b-instruct"
	endpoint = "jumpstart-llama-3-1-8b-instruct"
)

// targets matches an operation of the control plane.
func targets(operation string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Header.Get("X-Amz-Target") == "SageMaker."+operation }
}

// machineQuotas are those of the machines that train and serve. A serverless training has none.
func machineQuotas(way string) []providertest.Quota {
	if way == "serverless" {
		return nil
	}
	reads := func(r *http.Request) bool {
		return strings.HasPrefix(r.Header.Get("X-Amz-Target"), "ServiceQuotasV20190624.")
	}
	training := "ml.g5.12xlarge for training job usage"
	if way == "spot" {
		training = "ml.g5.12xlarge for spot training job usage"
	}
	says := []string{"us-east-1", "servicequotas/home/services/sagemaker"}
	return []providertest.Quota{
		{Name: training, Training: true, Reads: reads, Says: says},
		{Name: "ml.g5.4xlarge for endpoint usage", Reads: reads, Says: says},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]func(string) map[string]string{
		"on demand": settings, "spot": onSpot, "serverless": byTokens,
	} {
		unhostable := map[string]string{
			"on demand": "meta-textgeneration-llama-3-1-70b-instruct", "spot": "meta-textgeneration-llama-3-1-70b-instruct",
			"serverless": "huggingface-llm-qwen2-5-7b-instruct",
		}
		base := map[string]string{"on demand": endpoint, "spot": llama, "serverless": endpoint}[name] // an endpoint's name, and the hub's
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, providertest.Harness{
				Vendor: sagemaker.Vendor, Start: start, Settings: with, Model: endpoint,
				Bills: func(d providers.Driver, _, _ string, _ providers.Config) (bill.Biller, error) {
					return d.(bill.Biller), nil
				},
				Quotas: machineQuotas(name),
				Lacks: map[string]func(*providers.Request){
					"min_p": func(r *providers.Request) { r.Options = map[string]json.RawMessage{"min_p": []byte("0.1")} },
				},
				Tuning: &providertest.Tuning{
					Base: base, Unhostable: unhostable[name], Start: targets("CreateTrainingJob"),
					Uploads: []providertest.UploadStep{{Name: "object", Is: providertest.Asks("PUT", "/rows.jsonl"), Found: true}},
					Deploys: []func(*http.Request) bool{
						targets("CreateModel"), targets("CreateEndpointConfig"), targets("CreateEndpoint"),
					},
				},
			})
		})
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"SAGEMAKER_REGION":                   "us/east",
		"AWS_ACCESS_KEY_ID":                  "",
		"SAGEMAKER_ROLE_ARN":                 "admin",
		"SAGEMAKER_S3_URI":                   "https://bucket",
		"SAGEMAKER_INSTANCES":                "ml.g5.12xlarge",
		"SAGEMAKER_MAX_HOURS":                "0",
		"SAGEMAKER_TUNABLE_ENDPOINTS":        "llama",
		"AWS_ENDPOINT_URL_SAGEMAKER":         "nowhere",
		"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": "nowhere",
		"AWS_ENDPOINT_URL_S3":                "nowhere",
	} {
		values := settings("http://127.0.0.1:1")
		values[name] = value
		_, err := sagemaker.Vendor.Open(providers.Config{Values: values})
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), providertest.Key) {
			t.Errorf("%v, want an error that names %s", err, name)
		}
	}
	for _, lacks := range []string{"SAGEMAKER_ROLE_ARN", "SAGEMAKER_S3_URI"} {
		values := settings("http://127.0.0.1:1")
		delete(values, lacks)
		if _, err := sagemaker.Vendor.Open(providers.Config{Values: values}); err == nil || !strings.Contains(err.Error(), lacks) {
			t.Errorf("%v, want an error that names %s", err, lacks)
		}
	}
}
