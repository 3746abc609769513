package emulator

import (
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
)

// billing serves Cost Explorer beside the account.
func (e *emulator) billing(next http.Handler) http.Handler {
	return amazon.Bills{Lab: e.lab, Vendor: e.vendor, Service: "Amazon Bedrock", Costs: e.costs}.Serve(next)
}

// costs bills the tokens that went into a model, and those that came out.
func (e *emulator) costs(p lab.Payment) []amazon.Cost {
	_, price, _ := e.lab.Price(name, p.Model)
	out := min(p.NanoUSD, p.TokensOut*price/1_000_000)
	meter := usageType(p.Model)
	return []amazon.Cost{
		{UsageType: meter + "-input-tokens", Nano: p.NanoUSD - out}, {UsageType: meter + "-output-tokens", Nano: out},
	}
}

// usageType is how a model's name stands in bills: us.meta.llama4-scout-17b-instruct-v1:0 as
// Llama4-Scout-17b.
func usageType(model string) string {
	plain, _, _ := strings.Cut(model[strings.LastIndexByte(model, '.')+1:], ":")
	plain = strings.TrimSuffix(strings.TrimSuffix(plain, "-1"), "-v1")
	parts := strings.Split(strings.TrimSuffix(plain, "-instruct"), "-")
	for i, part := range parts {
		if part != "" {
			parts[i] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, "-")
}
