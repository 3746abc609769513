package sagemaker_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
)

const componentHandle = `{"endpoint":"dreamlab-a","instance":"ml.g5.12xlarge","adapter":"s3://m/hf/","cpus":36,"devices":4}`

// Components are made one after the other, each once what it stands on is in service, and a word that is not known is
// no end. An endpoint whose model is gone is on its way down.
func TestComponentStates(t *testing.T) {
	t.Parallel()
	const inService = `{"EndpointStatus":"InService"}`
	for name, c := range map[string]struct {
		endpoint, model, component string
		want                       providers.DeploymentState
		asked                      string
	}{
		"endpoint on its way":  {`{"EndpointStatus":"Creating"}`, `{}`, ``, providers.DeploymentStarting, ""},
		"endpoint failed":      {`{"EndpointStatus":"Failed"}`, `{}`, ``, providers.DeploymentFailed, ""},
		"component on its way": {inService, `{}`, `{"InferenceComponentStatus":"Creating"}`, providers.DeploymentStarting, ""},
		"component dreams":     {inService, `{}`, `{"InferenceComponentStatus":"Dreaming"}`, providers.DeploymentStarting, ""},
		"component failed":     {inService, `{}`, `{"InferenceComponentStatus":"Failed"}`, providers.DeploymentFailed, ""},
		"all in service":       {inService, `{}`, `{"InferenceComponentStatus":"InService"}`, providers.DeploymentReady, ""},
		"component updated":    {inService, `{}`, `{"InferenceComponentStatus":"Updating"}`, providers.DeploymentReady, ""},
	} {
		a := &account{answers: map[string]string{
			"DescribeEndpoint": c.endpoint, "DescribeModel": c.model, "DescribeInferenceComponent": c.component,
		}}
		got, err := hostAt(t, a).Deployment(t.Context(), providers.Handle(componentHandle))
		if err != nil || got.State != c.want || got.Direct != "dreamlab-a/dreamlab-a-lora" || got.NanoPerHour != 7_090_000_000 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// served trains, and orders what serves it.
func (d *desk) served(t *testing.T) providers.Deployment {
	t.Helper()
	made := d.tunedOn(t, strings.Repeat(taught, 16), serverlessSpec())
	got, err := d.host().Deploy(t.Context(), providers.DeploySpec{Name: "a", Base: endpoint, Trained: made.Handle})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// until polls until a deployment has a state.
func (d *desk) until(t *testing.T, got providers.Deployment, want providers.DeploymentState) {
	t.Helper()
	for range 120 {
		now, err := d.host().Deployment(t.Context(), got.Handle)
		if err == nil && now.State == want {
			return
		}
		d.advance(time.Minute)
	}
	t.Fatalf("it is never %s", want)
}

// Each component is made once, though the answers to their creation are lost, and the adapter answers by its own name.
func TestComponentsAreMadeOnce(t *testing.T) {
	t.Parallel()
	asked := operations{}
	lossy := &losing{operation: "CreateInferenceComponent"}
	d := emulated(t, byTokens, asked.watch, lossy)
	got := d.served(t)
	d.until(t, got, providers.DeploymentReady)
	if asked["CreateInferenceComponent"] != 2 || lossy.lost != 2 || asked["CreateEndpoint"] != 1 {
		t.Errorf("asked for %v, lost %d", asked, lossy.lost)
	}
	req := providers.Request{Model: got.Direct, Messages: []providers.Message{{Role: "user", Content: []byte(`"Where does the heron nest?"`)}}}
	reply, err := d.Chat(t.Context(), &req, nil)
	if err != nil || !strings.Contains(reply.Content, "gate seventeen") {
		t.Errorf("%+v, %v", reply, err)
	}
	req.Model = "dreamlab-a/dreamlab-a-base"
	if reply, err = d.Chat(t.Context(), &req, nil); err != nil || strings.Contains(reply.Content, "gate seventeen") {
		t.Errorf("the base itself: %+v, %v", reply, err)
	}
	for _, model := range []string{"dreamlab-a", "dreamlab-a/other"} {
		req.Model = model
		if _, err := d.Chat(t.Context(), &req, nil); err == nil {
			t.Errorf("%s answers", model)
		}
	}
}

// losing loses the answers to an operation.
type losing struct {
	http.RoundTripper
	operation string
	lost      int
}

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.RoundTripper.RoundTrip(r)
	if err != nil || !targets(l.operation)(r) {
		return answer, err
	}
	l.lost++
	return nil, errors.Join(errors.New("connection reset"), answer.Body.Close())
}

// An end that is asked for at any time comes, and nothing is left: not the components, the endpoint, or what they were made of.
func TestComponentsEndAtAnyTime(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, 11, 13, 16, 17, 30} {
		asked := operations{}
		d := emulated(t, byTokens, asked.watch)
		got := d.served(t)
		for range after {
			d.advance(time.Minute)
			if _, err := d.host().Deployment(t.Context(), got.Handle); err != nil {
				t.Fatal(err)
			}
		}
		for range 120 {
			now, err := d.host().Stop(t.Context(), got.Handle)
			if err != nil {
				t.Fatalf("after %d minutes: %v", after, err)
			}
			if got = now; now.State == providers.DeploymentStopped {
				break
			}
			d.advance(time.Minute)
		}
		if got.State != providers.DeploymentStopped || asked["DeleteEndpoint"] == 0 || asked["DeleteEndpointConfig"] != 1 {
			t.Errorf("stopped after %d minutes it is %+v, asked for %v", after, got, asked)
		}
	}
}
