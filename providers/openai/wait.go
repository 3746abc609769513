package openai

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxWait bounds the pause that a vendor may ask for. No limit of a vendor lasts
// longer than a day: a larger number is a mistake.
const maxWait = 24 * time.Hour

var (
	inWords = regexp.MustCompile(`(?i)(?:try again in|retry after|retry in)\s+` +
		`((?:[0-9]+(?:\.[0-9]+)?(?:ms|µs|us|ns|h|m|s))+\b|` +
		`[0-9]+(?:\.[0-9]+)?\s*(?:milli)?(?:second|minute|hour)s?)`)
	retryDelay = regexp.MustCompile(`"retryDelay"\s*:\s*"([0-9.]+s)"`) // google.rpc.RetryInfo
	spelled    = regexp.MustCompile(`(?i)^([0-9.]+)\s*(millisecond|second|minute|hour)s?$`)
)

var units = map[string]time.Duration{
	"millisecond": time.Millisecond, "second": time.Second, "minute": time.Minute, "hour": time.Hour,
}

// retryAfter returns how long the vendor asks to wait, by the first of: the
// header in milliseconds, the header in seconds or as a date (RFC 9110,
// section 10.2.3), the words of the body, and the reset of an exhausted limit.
func retryAfter(f Failure, now time.Time) (time.Duration, bool) {
	if f.Status < 400 {
		return 0, false
	}
	if ms, err := strconv.ParseFloat(f.Header.Get("Retry-After-Ms"), 64); err == nil {
		return bounded(ms / 1000)
	}
	header := f.Header.Get("Retry-After")
	if wait, ok := parseWait(header); ok {
		return wait, true
	}
	if date, err := http.ParseTime(header); err == nil {
		return bounded(date.Sub(now).Seconds())
	}
	if found := inWords.FindStringSubmatch(f.Message); found != nil {
		return parseWait(found[1])
	}
	if found := retryDelay.FindSubmatch(f.Body); found != nil {
		return parseWait(string(found[1]))
	}
	if f.Status == http.StatusTooManyRequests {
		return reset(f.Header)
	}
	return 0, false
}

// reset reads the x-ratelimit-reset headers: the latest of the limits of which
// nothing remains, else the soonest of all.
func reset(h http.Header) (time.Duration, bool) {
	soonest, latest := time.Duration(0), time.Duration(0)
	for _, limit := range []string{"", "-Requests", "-Tokens"} {
		wait, ok := parseWait(h.Get("X-Ratelimit-Reset" + limit))
		if !ok || wait == maxWait { // some send a date here, by which no two mean the same
			continue
		}
		if h.Get("X-Ratelimit-Remaining"+limit) == "0" {
			latest = max(latest, wait)
		}
		if soonest == 0 || wait < soonest {
			soonest = wait
		}
	}
	if latest > 0 {
		return latest, true
	}
	return soonest, soonest > 0
}

// parseWait reads "2", "0.5", "2m59.56s", "659.99ms" and "22 seconds".
func parseWait(text string) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return bounded(seconds)
	}
	if wait, err := time.ParseDuration(text); err == nil {
		return bounded(wait.Seconds())
	}
	if found := spelled.FindStringSubmatch(text); found != nil {
		number, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			return 0, false
		}
		return bounded(number * units[strings.ToLower(found[2])].Seconds())
	}
	return 0, false
}

func bounded(seconds float64) (time.Duration, bool) {
	if math.IsNaN(seconds) || seconds < 0 {
		return 0, false
	}
	if seconds > maxWait.Seconds() {
		return maxWait, true
	}
	return time.Duration(seconds * float64(time.Second)), true
}
