package openai

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"dreamlab/providers"
)

// allowances reads the headers in which vendors state what is left of their limits:
// x-ratelimit-limit, -remaining and -reset, for -requests and -tokens
// (https://platform.openai.com/docs/guides/rate-limits, which Groq and Azure follow).
// Together leaves "-requests" out, where it counts by the second, and writes
// x-tokenlimit for tokens.
func allowances(h http.Header) []providers.Allowance {
	var left []providers.Allowance
	for _, one := range []struct {
		unit              providers.Unit
		before, after     string
		window            time.Duration // where no reset is stated; 0 for as is usual
		unlessAnotherSays bool
	}{
		{unit: providers.Requests, before: "X-Ratelimit-", after: "-Requests"},
		{unit: providers.Tokens, before: "X-Ratelimit-", after: "-Tokens"},
		{unit: providers.Requests, before: "X-Ratelimit-", window: time.Second, unlessAnotherSays: true},
		{unit: providers.Tokens, before: "X-Tokenlimit-", window: time.Second, unlessAnotherSays: true},
	} {
		said := func(what string) string { return h.Get(one.before + what + one.after) }
		remaining, err := strconv.ParseInt(said("Remaining"), 10, 64)
		if err != nil || one.unlessAnotherSays && hasUnit(left, one.unit) {
			continue
		}
		allowance := providers.Allowance{Unit: one.unit, Left: remaining, Reset: one.window}
		if limit, err := strconv.ParseInt(said("Limit"), 10, 64); err == nil {
			allowance.Limit = limit
		}
		if wait, refills, ok := resetOf(said("Reset")); ok {
			allowance.Reset, allowance.Refills = wait, refills
		}
		left = append(left, allowance)
	}
	return left
}

func hasUnit(left []providers.Allowance, unit providers.Unit) bool {
	for _, l := range left {
		if l.Unit == unit {
			return true
		}
	}
	return false
}

// resetOf reads when a limit is reset. One that is stated as a duration ("7.66s") tells
// when a bucket is full again that refills all the time; whole seconds tell the end of a
// window, and are rounded up, since vendors may have rounded them down.
func resetOf(text string) (wait time.Duration, refills, ok bool) {
	wait, ok = parseWait(text)
	if !ok || wait == maxWait { // some send a date here, by which no two mean the same
		return 0, false, false
	}
	if strings.ContainsFunc(text, unicode.IsLetter) {
		return wait, true, true
	}
	return wait.Truncate(time.Second) + time.Second, false, true
}
