package cloudflare

import (
	"regexp"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// codes are Cloudflare's numbers for what it refuses
// (https://developers.cloudflare.com/workers-ai/platform/errors); those in the second
// part were seen and are not documented. 8007 is missing: it passes on what the model's
// own engine says.
var codes = map[string]providers.Kind{
	"5007": providers.KindModelGone,
	"3042": providers.KindModelGone,
	"3037": providers.KindModelGone, // no such adapter
	"5004": providers.KindInvalid,
	"3003": providers.KindInvalid,
	"3039": providers.KindInvalid,
	"5005": providers.KindInvalid,
	"5019": providers.KindInvalid,
	"5016": providers.KindPermission, // the model's terms are not accepted
	"5018": providers.KindPermission,
	"3041": providers.KindPermission,
	"3023": providers.KindBilling, // the account is blocked
	"3006": providers.KindTooLarge,
	"3007": providers.KindTimeout,
	"3008": providers.KindTimeout,
	"3036": providers.KindQuota,
	"3040": providers.KindCapacity,

	"4006":  providers.KindQuota,
	"5021":  providers.KindContext,
	"5006":  providers.KindInvalid,
	"3046":  providers.KindTimeout,
	"8006":  providers.KindModelOutput, // a forced tool call did not fit into the answer
	"10000": providers.KindAuth,
	"9109":  providers.KindAuth,
	"7000":  providers.KindAuth, // the account's id leads nowhere
	"7003":  providers.KindAuth,
	"2001":  providers.KindPermission, // no such gateway
	"2009":  providers.KindAuth,       // the gateway's own token
}

// words are Cloudflare's own for what it refuses. What a gateway's spending limit says is
// not documented.
var words = openai.Words{
	Codes: codes,
	Phrases: []openai.Phrase{
		{Text: "daily free allocation", Kind: providers.KindQuota},
		{Text: "spend limit", Kind: providers.KindQuota},
		{Text: "spending limit", Kind: providers.KindQuota},
		{Text: "capacity temporarily exceeded", Kind: providers.KindCapacity},
		{Text: "nsfw", Kind: providers.KindContentFilter},
	},
	RequestIDs: []string{"Cf-Aig-Log-Id"},
}

// inWords finds the code that stands in a message alone: "InferenceUpstreamError: 3040: …".
var inWords = regexp.MustCompile(`\b(\d{4}): `)

// classifier knows what Cloudflare's errors mean beyond their code.
func classifier(now func() time.Time) func(openai.Failure, *providers.Error) {
	return func(f openai.Failure, e *providers.Error) {
		if _, known := codes[f.Code]; !known {
			if found := inWords.FindStringSubmatch(f.Message); found != nil && codes[found[1]] != "" {
				e.Code, e.Kind = found[1], codes[found[1]]
			}
		}
		if jsonMode(f.Message) {
			e.Kind, e.Charge = providers.KindModelOutput, providers.ChargeUnknown
		}
		if e.Kind == providers.KindQuota && e.RetryAfter == 0 {
			e.RetryAfter = untilMidnight(now())
		}
	}
}

// jsonMode tells an answer that does not fit its schema, whose status and code were never
// recorded, from all other failures.
func jsonMode(message string) bool {
	return strings.Contains(strings.ToLower(strings.ReplaceAll(message, "’", "'")), "json mode couldn't be met")
}

// untilMidnight is how long a day's allocation is used up: the day is UTC's.
func untilMidnight(now time.Time) time.Duration {
	now = now.UTC()
	return now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now)
}
