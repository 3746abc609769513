package vertex

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"dreamlab/providers/openai"
)

// global is the location that stands for all of them.
const global = "global"

// multiRegions are locations of several regions, with hosts of another form.
var multiRegions = map[string]bool{"us": true, "eu": true}

var (
	goodProject  = regexp.MustCompile(`^[a-z0-9.:-]{1,63}$`) // some begin with a domain: example.com:project
	goodLocation = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
	deployed     = regexp.MustCompile(`^([0-9]{1,20}|` + endpointPrefix + `[a-z0-9-]{1,50})$`)
)

// place tells where a model is asked
// (https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations).
type place struct {
	project, base, location string
	tuning                  string // region of fine-tunes and of what serves them
	elsewhere               []region
}

// region is where models are served whose names begin alike.
type region struct{ prefix, location string }

func newPlace(value func(env string) string) (place, error) {
	p := place{project: value(envProject), location: value(envLocation)}
	if !goodProject.MatchString(p.project) {
		return p, fmt.Errorf("%s: set it to the id of a Google Cloud project", envProject)
	}
	if !goodLocation.MatchString(p.location) {
		return p, fmt.Errorf("%s: set it to a region, such as us-central1, or to global", envLocation)
	}
	p.tuning = value(envTuning)
	if !goodLocation.MatchString(p.tuning) || p.tuning == global {
		return p, fmt.Errorf("%s: set it to a region, such as us-central1", envTuning)
	}
	for pair := range strings.SplitSeq(value(envLocations), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		prefix, location, found := strings.Cut(strings.TrimSpace(pair), "=")
		if !found || prefix == "" || !goodLocation.MatchString(location) {
			return p, fmt.Errorf("%s: write it as meta/llama-4-=us-east5,qwen/=us-south1", envLocations)
		}
		p.elsewhere = append(p.elsewhere, region{prefix, location})
	}
	if base := value(envBase); base != "" {
		checked, err := openai.CheckBase(envBase, base)
		p.base = checked
		return p, err
	}
	return p, nil
}

// locationOf returns the location that serves a model: that of the longest
// beginning of its name that is set.
func (p place) locationOf(model string) string {
	if strings.HasPrefix(model, endpointPrefix) {
		return p.tuning
	}
	location, longest := p.location, 0
	for _, r := range p.elsewhere {
		if strings.HasPrefix(model, r.prefix) && len(r.prefix) > longest {
			location, longest = r.location, len(r.prefix)
		}
	}
	return location
}

// host returns the base of the API at a location.
func (p place) host(location string) string {
	switch {
	case p.base != "":
		return p.base
	case location == global:
		return "https://aiplatform.googleapis.com"
	case multiRegions[location]:
		return "https://aiplatform." + location + ".rep.googleapis.com"
	}
	return "https://" + location + "-aiplatform.googleapis.com"
}

// parent is the address of the project at a location.
func (p place) parent(location string) string {
	return p.host(location) + "/v1/projects/" + p.project + "/locations/" + location
}

// beta is the address of the project where trainings are and what serves them, in the
// version that has them for open models.
func (p place) beta() string {
	return p.host(p.tuning) + "/v1beta1/projects/" + p.project + "/locations/" + p.tuning
}

// chats is the base of a model's chats: the endpoint of all publishers' models, or
// that of a model that the project has deployed, whose name is the endpoint's number or ours.
func (p place) chats(model string) string {
	endpoint := "openapi"
	if deployed.MatchString(model) {
		endpoint = model
	}
	return p.parent(p.locationOf(model)) + "/endpoints/" + endpoint
}

// url is the address of a route of OpenAI's dialect.
func (p place) url(route, model string) string { return p.chats(model) + route }

// published is the address of a publisher's model, by "publisher/model".
func (p place) published(model string) string {
	publisher, id, _ := strings.Cut(model, "/")
	return p.parent(p.locationOf(model)) + "/publishers/" + url.PathEscape(publisher) + "/models/" + url.PathEscape(id)
}
