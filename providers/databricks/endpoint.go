package databricks

import (
	"strings"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// ready is the word for an endpoint that answers, settled the one for a configuration that is
// in force.
const (
	ready   = "READY"
	settled = "NOT_UPDATING"
)

// endpoint is a serving endpoint as Databricks tells it
// (https://docs.databricks.com/api/workspace/servingendpoints/get).
type endpoint struct {
	Name  string `json:"name"`
	State struct {
		Ready  string `json:"ready"`
		Update string `json:"config_update"`
	} `json:"state"`
	Config  config `json:"config"`
	Pending config `json:"pending_config"` // until it is in force
}

type config struct {
	Served []struct {
		State struct {
			Deployment string `json:"deployment"`
			Message    string `json:"deployment_state_message"`
		} `json:"state"`
	} `json:"served_entities"`
}

// state maps Databricks' words. An endpoint serves when it is ready and its configuration in
// force; a word that is not known is starting.
func (e endpoint) state() (state providers.DeploymentState, message string) {
	state = providers.DeploymentStarting
	for _, c := range []config{e.Config, e.Pending} {
		for _, served := range c.Served {
			message = served.State.Message
			if strings.HasSuffix(served.State.Deployment, "FAILED") || strings.HasSuffix(served.State.Deployment, "ABORTED") {
				state = providers.DeploymentFailed
			}
		}
	}
	switch {
	case e.State.Ready == ready && e.State.Update == settled:
		return providers.DeploymentReady, message
	case e.State.Update == "UPDATE_FAILED" || e.State.Update == "UPDATE_CANCELED":
		return providers.DeploymentFailed, message
	}
	return state, message
}

// served is what finds an endpoint of a tuned model again.
type served struct {
	Endpoint string `json:"endpoint"`
	Nano     int64  `json:"nano"` // an hour
}

func (s served) deployment(e endpoint) providers.Deployment {
	state, message := e.state()
	return providers.Deployment{
		Handle: plainjson.Of(s), State: state, Message: providers.Redact(message), Direct: s.Endpoint, Routed: s.Endpoint,
		NanoPerHour: s.Nano,
	}
}

func (s served) stopped() providers.Deployment {
	return providers.Deployment{
		Handle: plainjson.Of(s), State: providers.DeploymentStopped, Message: "deleted", Direct: s.Endpoint, Routed: s.Endpoint,
	}
}
