package together

import (
	"encoding/json"
	"regexp"
	"strings"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// trained is what finds a training again, and what it made.
type trained struct {
	ID    string `json:"id"`
	Model string `json:"model,omitempty"` // for its deployment; "" until it has succeeded
}

func (t trained) handle() providers.Handle { return plainjson.Of(t) }

func readTrained(handle providers.Handle) (t trained, err error) {
	if json.Unmarshal(handle, &t) != nil || t.ID == "" {
		return t, invalid("handle", "the handle is none that Start returned")
	}
	return t, nil
}

// served is what finds a deployment again, and what it costs.
type served struct {
	Project    string `json:"project"`
	Endpoint   string `json:"endpoint"`
	Deployment string `json:"deployment"`
	Nano       int64  `json:"nano_per_hour"` // nano-dollars
}

func (s served) handle() providers.Handle { return plainjson.Of(s) }

func readServed(handle providers.Handle) (s served, err error) {
	if json.Unmarshal(handle, &s) != nil || s.Project == "" || s.Endpoint == "" || s.Deployment == "" {
		return s, invalid("handle", "the handle is none that Deploy returned")
	}
	return s, nil
}

// maxName is the length of an endpoint's name.
const maxName = 63

// unnameable are the characters that a name of an endpoint can not have.
var unnameable = regexp.MustCompile(`[^a-z0-9-]+`)

// endpointName makes the one name that an endpoint and its deployment have.
func endpointName(spec string) string {
	bare := strings.Trim(unnameable.ReplaceAllString(strings.ToLower(spec), "-"), "-")
	return endpointPrefix + strings.TrimPrefix(bare, endpointPrefix)
}
