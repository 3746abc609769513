package openai

import (
	"encoding/json"

	"dreamlab/providers"
)

// Spares tells whether a tier of service turns calls away when it is full, as
// [providers.Tiered] says.
func (c *Client) Spares(tier string) bool { return c.dialect.Tiers[tier] }

// beside returns what is sent beside OpenAI's own settings. A tier of service is a hint:
// one that the vendor does not have is left out, unless it was given for this vendor.
func (c *Client) beside(req *providers.Request) map[string]json.RawMessage {
	const option = "service_tier"
	beside := req.Beside(c.dialect.Options)
	if _, own := req.Vendor[option]; own || c.dialect.Tiers == nil {
		return beside
	}
	var tier string
	if json.Unmarshal(beside[option], &tier) == nil {
		if _, has := c.dialect.Tiers[tier]; has {
			return beside
		}
	}
	delete(beside, option)
	return beside
}
