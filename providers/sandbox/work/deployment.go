package work

import (
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// How long a deployment takes to start and to stop, in lab time.
const (
	startingFor = 10 * time.Minute
	stoppingFor = 2 * time.Minute
)

// maxReplicas bounds the replicas of one deployment.
const maxReplicas = 16

// DeploymentState is where a deployment is.
type DeploymentState string

// The states of a deployment, in their order.
const (
	DeploymentStarting DeploymentState = "starting"
	DeploymentReady    DeploymentState = "ready"
	DeploymentStopping DeploymentState = "stopping"
	DeploymentStopped  DeploymentState = "stopped"
)

// Deployment is a model on hardware. It is billed by the minute for each
// replica, from when it is ready until it has stopped.
type Deployment struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Model    string    `json:"model"`              // id of what it serves
	Base     string    `json:"base"`               // the base model below it
	Training string    `json:"training,omitempty"` // that made it
	Hardware string    `json:"hardware"`
	Min      int       `json:"min"` // replicas
	Max      int       `json:"max"`
	Version  string    `json:"version"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	Ready    time.Time `json:"ready"`          // when all replicas answered, since it was last scaled up
	Stop     time.Time `json:"stop,omitzero"`  // when no replicas were asked for
	Until    time.Time `json:"until,omitzero"` // when the vendor ends it by itself
	Running  int       `json:"running"`        // replicas that answer since Ready
	Billed   int64     `json:"billed"`         // minutes of all replicas since Ready
}

// stops is when the deployment goes down, because it was asked to or because the vendor takes it down; zero for never.
func (d *Deployment) stops(now time.Time) time.Time {
	ended := !d.Until.IsZero() && !now.Before(d.Until)
	if ended && (d.Stop.IsZero() || d.Until.Before(d.Stop)) {
		return d.Until
	}
	return d.Stop
}

// State is where the deployment is at a time.
func (d *Deployment) State(now time.Time) DeploymentState {
	stop := d.stops(now)
	switch {
	case stop.IsZero() && now.Before(d.Ready):
		return DeploymentStarting
	case stop.IsZero():
		return DeploymentReady
	case now.Before(stop.Add(stoppingFor)):
		return DeploymentStopping
	}
	return DeploymentStopped
}

// Replicas is how many answer.
func (d *Deployment) Replicas(now time.Time) int {
	if d.State(now) == DeploymentReady {
		return d.Running
	}
	return 0
}

// minutes is how many replica-minutes the current run has begun.
func (d *Deployment) minutes(now time.Time) int64 {
	end, stop := now, d.stops(now)
	if !stop.IsZero() && stop.Add(stoppingFor).Before(now) {
		end = stop.Add(stoppingFor)
	}
	if !stop.IsZero() && stop.Before(d.Ready) || !end.After(d.Ready) {
		return 0 // it never got ready
	}
	begun := (end.Sub(d.Ready) + time.Minute - 1) / time.Minute
	return int64(begun) * int64(d.Running)
}

// settle bills the minutes that are not billed yet, and tells whether
// there were any.
func (h *Hosting) settle(d *Deployment, now time.Time) bool {
	minutes := d.minutes(now) - d.Billed
	if minutes <= 0 {
		return false
	}
	d.Billed += minutes
	h.lab.Pay(lab.Payment{
		Vendor: h.options.Vendor, Model: "hosting:" + d.Hardware,
		NanoUSD: minutes * h.options.Hour(d.Hardware) / 60,
	})
	return true
}

// scale sets how many replicas are wanted; the first of a run take their time.
func (h *Hosting) scale(d *Deployment, least, most int, now, ready time.Time) {
	state := d.State(now)
	d.Min, d.Max, d.Updated, d.Version = least, most, now, lab.NewID("etag-")
	switch {
	case most == 0 && (state == DeploymentReady || state == DeploymentStarting):
		d.Stop = now
	case most > 0 && (state == DeploymentStopped || state == DeploymentStopping || d.Ready.IsZero()):
		h.settle(d, now)
		d.Ready, d.Stop, d.Billed, d.Running = ready, time.Time{}, 0, least
	case most > 0:
		h.settle(d, now)
		d.Running = least
		d.Billed = d.minutes(now)
	}
}

// scalable refuses sizes that no deployment can have.
func scalable(least, most int) *lab.Failure {
	switch {
	case least < 0 || most < least || most > maxReplicas:
		return lab.Invalid("autoscaling", "the replicas must be from 0 to %d, the least before the most", maxReplicas)
	case least == 0 && most > 0:
		return lab.Invalid("autoscaling", "no replicas at least with some at most is not supported; 0 and 0 stop it")
	}
	return nil
}

// Deploy makes a deployment of an endpoint; all but its times and state is given.
// A dry run only checks it.
func (h *Hosting) Deploy(r *http.Request, endpoint string, d Deployment, dry bool) (Deployment, *lab.Failure) {
	refused := h.change(func(now time.Time) *lab.Failure {
		e, refused := h.endpoint(endpoint)
		if refused == nil {
			refused = e.admits(&d)
		}
		if refused != nil || dry {
			return refused
		}
		ready := now.Add(startingFor)
		if _, slow := h.lab.TakeFault(h.target(r, ""), lab.FaultSlowCapacity); slow {
			ready = ready.Add(slowness)
		}
		d.Created = now
		h.scale(&d, d.Min, d.Max, now, ready)
		made := d
		e.Deployments = append(e.Deployments, &made)
		e.touch(now)
		h.lab.CountServed(h.options.Vendor, e.Name+"/"+d.Name)
		return nil
	})
	return d, refused
}

// admits checks a deployment that an endpoint is to get.
func (e *Endpoint) admits(d *Deployment) *lab.Failure {
	switch {
	case e.Find(d.Name) != nil:
		return lab.Conflict("endpoint %s has a deployment %s already", e.ID, d.Name)
	case len(e.Deployments) >= maxDeployed:
		return lab.Invalid("", "the endpoint has %d deployments already: delete some", maxDeployed)
	}
	return scalable(d.Min, d.Max)
}

// deployment finds a deployment by its id. It is called with the lock held.
func (h *Hosting) deployment(endpoint, id string) (*Endpoint, *Deployment, *lab.Failure) {
	e, refused := h.endpoint(endpoint)
	if refused != nil {
		return nil, nil, refused
	}
	if d := e.Find(id); d != nil && d.ID == id {
		return e, d, nil
	}
	return nil, nil, lab.Absent("deployment", id)
}

// Deployment returns a deployment of an endpoint.
func (h *Hosting) Deployment(endpoint, id string) (Deployment, *lab.Failure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, d, refused := h.deployment(endpoint, id)
	if refused != nil {
		return Deployment{}, refused
	}
	return *d, nil
}

// Renew puts a deployment on other hardware, or on the same, until the time at which its
// vendor ends it; zero is never.
func (h *Hosting) Renew(endpoint, id, hardware string, until time.Time) (Deployment, *lab.Failure) {
	var after Deployment
	refused := h.change(func(now time.Time) *lab.Failure {
		_, d, refused := h.deployment(endpoint, id)
		if refused != nil {
			return refused
		}
		h.settle(d, now)
		d.Hardware, d.Until, d.Updated, d.Version = hardware, until, now, lab.NewID("etag-")
		after = *d
		return nil
	})
	return after, refused
}

// Scale sets how many replicas a deployment has. A version other than the
// current one is refused; empty is any.
func (h *Hosting) Scale(endpoint, id, version string, least, most int) (Deployment, *lab.Failure) {
	var after Deployment
	refused := h.change(func(now time.Time) *lab.Failure {
		_, d, refused := h.deployment(endpoint, id)
		if refused == nil {
			refused = stale(version, d.Version)
		}
		if refused == nil {
			refused = scalable(least, most)
		}
		if refused != nil {
			return refused
		}
		h.scale(d, least, most, now, now.Add(startingFor))
		after = *d
		return nil
	})
	return after, refused
}
