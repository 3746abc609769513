package openai

import (
	"encoding/json"
	"slices"

	"dreamlab/providers"
)

// Spares tells whether a tier of service turns calls away when it is full, as
// [providers.Tiered] says. Of a server whose tiers are not known flex does, as at OpenAI
// (https://developers.openai.com/api/docs/guides/flex-processing), where it takes the option.
func (c *Client) Spares(tier string) bool {
	if c.dialect.Tiers == nil {
		return tier == "flex" && slices.Contains(c.dialect.Options, optionTier)
	}
	return c.dialect.Tiers[tier]
}

// Pooled tells whether the vendor's tiers have one limit, as [providers.Tiered] says.
func (c *Client) Pooled() bool { return c.dialect.PooledTiers }

const optionTier = "service_tier"

// beside returns what is sent beside OpenAI's own settings. A tier of service is a hint:
// one that the vendor does not have is left out, unless it was given for this vendor.
func (c *Client) beside(req *providers.Request) map[string]json.RawMessage {
	beside := req.Beside(c.dialect.Options)
	if _, own := req.Vendor[optionTier]; own || c.dialect.Tiers == nil {
		return beside
	}
	var tier string
	if json.Unmarshal(beside[optionTier], &tier) == nil {
		if _, has := c.dialect.Tiers[tier]; has {
			return beside
		}
	}
	delete(beside, optionTier)
	return beside
}
