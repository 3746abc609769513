package sagemaker_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/sagemaker"
)

func hostAt(t *testing.T, a *account) providers.Host {
	t.Helper()
	a.asked = map[string]string{}
	server := httptest.NewServer(a)
	transport := &http.Transport{}
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	driver, err := sagemaker.Vendor.Open(providers.Config{Values: settings(server.URL), HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return driver.(providers.Host)
}

const handle = `{"endpoint":"dreamlab-a","instance":"ml.g5.4xlarge"}`

// An endpoint that is being changed answers, and a word that is not known is no end.
func TestDeploymentStates(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]providers.DeploymentState{
		"Creating": providers.DeploymentStarting, "Dreaming": providers.DeploymentStarting,
		"InService": providers.DeploymentReady, "Updating": providers.DeploymentReady, "SystemUpdating": providers.DeploymentReady,
		"RollingBack": providers.DeploymentReady, "Deleting": providers.DeploymentStopping,
		"Failed": providers.DeploymentFailed, "OutOfService": providers.DeploymentFailed,
	} {
		a := &account{answers: map[string]string{"DescribeEndpoint": `{"EndpointStatus":"` + word + `","FailureReason":"why"}`}}
		got, err := hostAt(t, a).Deployment(t.Context(), providers.Handle(handle))
		if err != nil || got.State != want || got.NanoPerHour != 2_030_000_000 || got.Direct != "dreamlab-a" || got.Message != "why" {
			t.Errorf("%s: %+v, %v", word, got, err)
		}
	}
}

// A training that has made nothing is not served, and an endpoint that is there is adopted, though
// it failed.
func TestDeployAdopts(t *testing.T) {
	t.Parallel()
	a := &account{answers: map[string]string{"DescribeEndpoint": `{"EndpointStatus":"Failed"}`}}
	host := hostAt(t, a)
	spec := providers.DeploySpec{Name: "a", Base: llama, Trained: providers.Handle(`{"job":"dreamlab-dl-1"}`)}
	if _, err := host.Deploy(t.Context(), spec); providers.KindOf(err) != providers.KindInvalid {
		t.Errorf("a training without a model: %v", err)
	}
	spec.Trained = providers.Handle(`{"job":"dreamlab-dl-1","output":"s3://m/"}`)
	got, err := host.Deploy(t.Context(), spec)
	if err != nil || got.State != providers.DeploymentFailed || string(got.Handle) != handle || a.asked["CreateModel"] != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = host.Stop(t.Context(), got.Handle); err != nil || got.State != providers.DeploymentStopping ||
		a.asked["DeleteEndpoint"] != `{"EndpointName":"dreamlab-a"}` {
		t.Errorf("%+v, %v", got, err)
	}
}
