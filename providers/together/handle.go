package together

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// handle is what finds a deployment again, and what it costs.
type handle struct {
	project, endpoint, deployment string
	nano                          int64
}

// String writes "project/endpoint/deployment/nano-dollars an hour".
func (h handle) String() string {
	return fmt.Sprintf("%s/%s/%s/%d", h.project, h.endpoint, h.deployment, h.nano)
}

func parseHandle(text string) (handle, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 4 || slices.Contains(parts, "") {
		return handle{}, invalid("handle", "the handle is none that Deploy returned")
	}
	nano, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil {
		return handle{}, invalid("handle", "the handle is none that Deploy returned")
	}
	return handle{parts[0], parts[1], parts[2], nano}, nil
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
