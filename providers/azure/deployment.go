package azure

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"dreamlab/providers"
)

// query is the version that a route without one in its path asks for.
func (at resource) query() string { return url.Values{"api-version": {at.version}}.Encode() }

// escape makes one segment of a path of a deployment's name.
func escape(deployment string) string { return url.PathEscape(deployment) }

// deployments maps the names of deployments to those of their models, or of others.
type deployments map[string]string

// parseDeployments reads a setting that holds pairs, such as a=b,c=d.
func parseDeployments(setting string, value func(env string) string) (deployments, error) {
	known := deployments{}
	for part := range strings.SplitSeq(value(setting), ",") {
		deployment, model, _ := strings.Cut(part, "=")
		deployment, model = strings.TrimSpace(deployment), strings.TrimSpace(model)
		switch {
		case deployment == "" && model == "":
			continue
		case deployment == "" || strings.Contains(model, "="):
			return nil, fmt.Errorf("%s: %q is no deployment: write name=other or name", setting, part)
		}
		known[deployment] = cmp.Or(model, deployment)
	}
	return known, nil
}

// model returns what a deployment is mapped to: itself, where nothing else is known.
func (d deployments) model(deployment string) string { return cmp.Or(d[deployment], deployment) }

// live returns the deployment whose calls one for batches answers, and any other as it is.
func (d *driver) live(deployment string) string {
	for live, batch := range d.batched {
		if batch == deployment {
			return live
		}
	}
	return deployment
}

// Models lists the deployments that the operator named, else what Azure lists, which
// is what could be deployed.
func (d *driver) Models(ctx context.Context) ([]providers.ModelInfo, error) {
	offered, err := d.Client.Models(ctx)
	if err != nil || len(d.deployed) == 0 {
		return offered, err
	}
	byID := map[string]providers.ModelInfo{}
	for _, info := range offered {
		byID[info.ID] = info
	}
	listed := make([]providers.ModelInfo, 0, len(d.deployed))
	for _, deployment := range slices.Sorted(maps.Keys(d.deployed)) {
		info := byID[d.deployed[deployment]]
		info.ID, info.Active = deployment, true
		listed = append(listed, info)
	}
	return listed, nil
}

// textOnly finds the models that have neither tools nor formats, by Microsoft's table of
// models, 2026-07-07.
var textOnly = regexp.MustCompile(`(?i)^llama-4-maverick`)
