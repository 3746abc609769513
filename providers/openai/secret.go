package openai

import "dreamlab/providers"

// scrub takes credentials out of a message and cuts it.
func (c *Client) scrub(message string) string {
	secrets := []string{c.dialect.Key}
	if c.dialect.Secrets != nil {
		secrets = append(secrets, c.dialect.Secrets()...)
	}
	return providers.Redact(message, secrets...)
}
