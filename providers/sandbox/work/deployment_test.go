package work

import (
	"net/http"
	"testing"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// host trains a model and serves it at the endpoint "boats".
func (b *bench) host(t *testing.T) Deployment {
	t.Helper()
	b.train(t, "t1")
	b.lab.Advance(12 * time.Hour)
	_, failed := b.Hosting.AddEndpoint(Endpoint{ID: "e1", Name: "boats"})
	sound(t, failed)
	d, failed := b.Hosting.Deploy(b.req, "e1", Deployment{
		ID: "d1", Name: "blue", Model: "m-t1", Base: "small", Training: "t1", Hardware: "gpu", Min: 1, Max: 1,
	}, false)
	sound(t, failed)
	return d
}

func split(weight int) func(*Endpoint) *lab.Failure {
	return func(e *Endpoint) *lab.Failure { return e.Split([]Share{{Deployment: "d1", Weight: weight}}) }
}

func TestDeploymentServesWhatWasTrained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	t.Run("before", func(t *testing.T) {
		b := newBench(t, dir)
		b.host(t)
		_, _, failed := b.Hosting.Serving("boats", "blue", 1)
		refused(t, http.StatusServiceUnavailable, failed)
		if made := b.lab.Served(); len(made) != 1 || made[0].Name != "boats/blue" || made[0].Times != 1 {
			t.Errorf("made to serve: %+v", made)
		}
		b.lab.Advance(startingFor)
		_, _, failed = b.Hosting.Serving("boats", "", 1) // it has no share of the traffic
		refused(t, http.StatusServiceUnavailable, failed)
		_, failed = b.Hosting.ChangeEndpoint("e1", "", split(1))
		sound(t, failed)
	})
	b := newBench(t, dir) // what an account has outlives the process
	for _, name := range []string{"", "blue"} {
		d, brain, failed := b.Hosting.Serving("boats", name, 1)
		sound(t, failed)
		if said := brain.Answer([]model.Turn{{Role: "user", Content: question}}); d.ID != "d1" || said != answer {
			t.Errorf("%s says %q", d.ID, said)
		}
	}
	_, _, failed := b.Hosting.Serving("boats", "green", 1)
	refused(t, http.StatusNotFound, failed)
	refused(t, http.StatusConflict, b.Trainings.Delete("t1"))
}

// An hour is 600 nano-dollars here, a minute 10.
func TestDeploymentIsBilledWhileItRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	d := b.host(t)
	b.lab.Advance(startingFor)
	if paid := b.paid("hosting:gpu"); paid != 0 {
		t.Errorf("paid %d while it starts", paid)
	}
	b.lab.Advance(90 * time.Second)
	if paid := b.paid("hosting:gpu"); paid != 20 {
		t.Errorf("paid %d for a minute and a half", paid)
	}
	_, failed := b.Hosting.Scale("e1", "d1", "old", 0, 0)
	refused(t, http.StatusConflict, failed)
	_, failed = b.Hosting.Scale("e1", "d1", d.Version, 0, 1)
	refused(t, http.StatusBadRequest, failed)
	_, failed = b.Hosting.Scale("e1", "d1", d.Version, 0, 0)
	sound(t, failed)
	refused(t, http.StatusConflict, b.Hosting.Undeploy("e1", "d1")) // it is stopping
	b.lab.Advance(24 * time.Hour)
	if paid := b.paid("hosting:gpu"); paid != 40 { // 1.5 minutes and 2 of stopping, begun
		t.Errorf("paid %d in all", paid)
	}
	_, failed = b.Hosting.ChangeEndpoint("e1", "", split(1))
	sound(t, failed)
	refused(t, http.StatusConflict, b.Hosting.Undeploy("e1", "d1")) // it has a share
	_, failed = b.Hosting.ChangeEndpoint("e1", "", func(e *Endpoint) *lab.Failure { return e.Split(nil) })
	sound(t, failed)
	refused(t, http.StatusConflict, b.Hosting.DeleteEndpoint("e1", ""))
	sound(t, b.Hosting.Undeploy("e1", "d1"))
	sound(t, b.Hosting.DeleteEndpoint("e1", ""))
}

// A change that is refused changes nothing, and a name is held by one endpoint.
func TestRefusedChangeLeavesTheEndpoint(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	b.host(t)
	before, failed := b.Hosting.Endpoint("e1")
	sound(t, failed)
	_, failed = b.Hosting.ChangeEndpoint("e1", "", func(e *Endpoint) *lab.Failure {
		e.Name = "ships"
		return e.Split([]Share{{Deployment: "none", Weight: 1}})
	})
	refused(t, http.StatusBadRequest, failed)
	if after, failed := b.Hosting.Endpoint("e1"); failed != nil || after.Name != "boats" || after.Version != before.Version {
		t.Errorf("it is %+v", after)
	}
	_, failed = b.Hosting.AddEndpoint(Endpoint{ID: "e2", Name: "boats"})
	refused(t, http.StatusConflict, failed)
	_, failed = b.Hosting.Deploy(b.req, "e1", Deployment{ID: "d2", Name: "blue", Min: 1, Max: 1}, false)
	refused(t, http.StatusConflict, failed)
	_, failed = b.Hosting.Deploy(b.req, "e1", Deployment{ID: "d2", Name: "green", Min: 1, Max: 1}, true)
	sound(t, failed)
	if e, _ := b.Hosting.Endpoint("e1"); len(e.Deployments) != 1 {
		t.Errorf("a dry run made a deployment: %d are there", len(e.Deployments))
	}
}
