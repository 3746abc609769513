package bedrock

import (
	"net/http"

	"dreamlab/providers/amazon"
)

// service is the name by which requests are signed, Bedrock's to both of its hosts.
const service = "bedrock"

// credential is what the account is asked with: an API key, or an access key that
// signs.
type credential struct {
	bearer string
	key    *amazon.Key
}

// authorize puts the credential into a request.
func (c *credential) authorize(r *http.Request) error {
	if c.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
		return nil
	}
	return c.key.Sign(r, service)
}

// secrets are what must not be shown.
func (c *credential) secrets() []string { return append(c.key.Secrets(), c.bearer) }
