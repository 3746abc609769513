package together

import (
	"cmp"
	"context"
	"net/http"
	"net/url"

	"dreamlab/providers/openai"
)

// projectID returns the project that owns deployments. It is asked for once.
func (d *driver) projectID(ctx context.Context) (string, error) {
	d.mu.Lock()
	known := d.owner
	d.mu.Unlock()
	if known != "" {
		return known, nil
	}
	var out struct {
		Snake string `json:"project_id"`
		Camel string `json:"projectId"`
	}
	if _, err := d.Do(ctx, openai.Call{Method: http.MethodGet, URL: d.v1 + "/whoami", Out: &out}); err != nil {
		return "", err
	}
	found := cmp.Or(out.Snake, out.Camel)
	if found == "" {
		return "", garbled("the key belongs to no project: set TOGETHER_PROJECT_ID", nil)
	}
	d.mu.Lock()
	d.owner = found
	d.mu.Unlock()
	return found, nil
}

// projectURL returns where a project's things are; the parts are escaped.
func (d *driver) projectURL(project string, parts ...string) string {
	address := d.v2 + "/projects/" + url.PathEscape(project)
	for _, part := range parts {
		address += "/" + url.PathEscape(part)
	}
	return address
}
