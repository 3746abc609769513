package openai

import "dreamlab/providers"

// scrub takes credentials out of a message and cuts it.
func (c *Client) scrub(message string) string { return providers.Redact(message, c.dialect.Key) }
