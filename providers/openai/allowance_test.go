package openai

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"dreamlab/providers"
)

func TestAllowances(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		headers []string
		want    []providers.Allowance
	}{
		"durations": {[]string{
			"x-ratelimit-limit-requests", "14400", "x-ratelimit-remaining-requests", "14370", "x-ratelimit-reset-requests", "2m59.56s",
			"x-ratelimit-limit-tokens", "18000", "x-ratelimit-remaining-tokens", "17997", "x-ratelimit-reset-tokens", "7.66s",
		}, []providers.Allowance{
			{Unit: providers.Requests, Limit: 14400, Left: 14370, Reset: 179560 * time.Millisecond, Refills: true},
			{Unit: providers.Tokens, Limit: 18000, Left: 17997, Reset: 7660 * time.Millisecond, Refills: true},
		}},
		"whole seconds": {[]string{
			"x-ratelimit-remaining-tokens", "0", "x-ratelimit-limit-tokens", "1000", "x-ratelimit-reset-tokens", "22",
		}, []providers.Allowance{{Unit: providers.Tokens, Limit: 1000, Reset: 23 * time.Second}}},
		"by the second": {[]string{
			"x-ratelimit-limit", "10", "x-ratelimit-remaining", "9", "x-ratelimit-reset", "1",
			"x-tokenlimit-limit", "3000", "x-tokenlimit-remaining", "2990",
		}, []providers.Allowance{
			{Unit: providers.Requests, Limit: 10, Left: 9, Reset: 2 * time.Second},
			{Unit: providers.Tokens, Limit: 3000, Left: 2990, Reset: time.Second},
		}},
		"twice": {[]string{
			"x-ratelimit-remaining-requests", "5", "x-ratelimit-remaining", "9",
		}, []providers.Allowance{{Unit: providers.Requests, Left: 5}}},
		"nothing": {[]string{"x-ratelimit-limit-tokens", "10", "x-ratelimit-remaining-requests", "some", "x-ratelimit-reset", "5"}, nil},
		"a date": {[]string{
			"x-ratelimit-remaining-requests", "5", "x-ratelimit-reset-requests", "1793000000",
		}, []providers.Allowance{{Unit: providers.Requests, Left: 5}}},
	}
	for name, c := range cases {
		h := http.Header{}
		for pair := range slices.Chunk(c.headers, 2) {
			h.Set(pair[0], pair[1])
		}
		if got := allowances(h); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
