package groq

import (
	"fmt"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// Groq takes up to 50,000 lines (https://console.groq.com/docs/batch). Its guide allows
// files of 200 MB and its reference of 100 MB: the smaller number is safe.
const (
	maxLines = 50_000
	maxBytes = 100_000_000
)

// The windows that Groq offers.
const (
	day       = 24 * time.Hour
	maxWindow = 7 * day
)

// batches are Groq's: OpenAI's, with routes that lack Groq's own prefix, and windows up
// to a week. Which models take batches only Groq knows: it says so when it checks one.
func batches(base string) openai.Batches {
	return openai.Batches{
		Base: base, Route: "/v1/chat/completions", Window: window,
		Limits: func(string) (providers.BatchLimits, bool) {
			return providers.BatchLimits{MaxLines: maxLines, MaxBytes: maxBytes, Window: day}, true
		},
	}
}

// window is Groq's word for a window: the shortest that is not shorter.
func window(wanted time.Duration) string {
	days := min(max((wanted+day-1)/day, 1), maxWindow/day)
	if days == 1 {
		return "24h"
	}
	return fmt.Sprintf("%dd", days)
}
