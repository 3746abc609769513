package openai

import (
	"encoding/json"
	"maps"
	"slices"

	"dreamlab/providers"
)

// Prefills tells whether a model goes on from the last message, as
// [providers.Prefiller] says.
func (c *Client) Prefills(model string) bool {
	return c.dialect.Prefill != nil && c.dialect.Prefill(model) != ""
}

// prefilled returns the request with what tells the model to go on, where it is to.
func (c *Client) prefilled(req *providers.Request) *providers.Request {
	if !req.Prefilled || !c.Prefills(req.Model) {
		return req
	}
	told, yes := *req, json.RawMessage("true")
	switch way := c.dialect.Prefill(req.Model); way {
	case providers.PrefillContinue:
		told.Vendor = maps.Clone(req.Vendor)
		if told.Vendor == nil {
			told.Vendor = map[string]json.RawMessage{}
		}
		told.Vendor["continue_final_message"], told.Vendor["add_generation_prompt"] = yes, json.RawMessage("false")
	case providers.PrefillPrefix, providers.PrefillPartial:
		told.Messages = slices.Clone(req.Messages)
		told.Messages[len(told.Messages)-1].Extra = map[string]json.RawMessage{string(way): yes}
	}
	return &told
}
