package openai

import (
	"testing"

	"dreamlab/providers"
)

// TestUsageIsCountedAsItIsBilled holds counts of recorded answers to what their vendors
// billed for them.
func TestUsageIsCountedAsItIsBilled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		usage string
		want  providers.Usage
	}{
		"reasoning inside": {
			`{"prompt_tokens":10,"completion_tokens":90,"total_tokens":100,"completion_tokens_details":{"reasoning_tokens":64}}`,
			providers.Usage{Input: 10, Output: 90, Reasoning: 64},
		},
		"reasoning beside, in the total": { // x.ai billed 198 tokens of output
			`{"prompt_tokens":496,"completion_tokens":77,"total_tokens":694,"prompt_tokens_details":{"cached_tokens":448},` +
				`"completion_tokens_details":{"reasoning_tokens":121}}`,
			providers.Usage{Input: 496, CachedInput: 448, Output: 198, Reasoning: 121},
		},
		"less reasoning than completion, beside": {
			`{"prompt_tokens":5,"completion_tokens":50,"total_tokens":75,"completion_tokens_details":{"reasoning_tokens":20}}`,
			providers.Usage{Input: 5, Output: 70, Reasoning: 20},
		},
		"reasoning in no sum": { // Gemini behind a gateway billed 84
			`{"prompt_tokens":28,"completion_tokens":9,"total_tokens":37,"completion_tokens_details":{"reasoning_tokens":75}}`,
			providers.Usage{Input: 28, Output: 84, Reasoning: 75},
		},
		"a total that is too small": {
			`{"prompt_tokens":7,"completion_tokens":3,"total_tokens":3}`, providers.Usage{Input: 7, Output: 3},
		},
		"a total that makes no sense": {
			`{"prompt_tokens":7,"completion_tokens":3,"total_tokens":1e300}`, providers.Usage{Input: 7, Output: 3},
		},
		"written to a cache": {
			`{"prompt_tokens":310,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":200,"cache_write_tokens":100}}`,
			providers.Usage{Input: 310, CachedInput: 200, CacheWrite: 100, Output: 7},
		},
		"written to a cache, in Anthropic's word": {
			`{"prompt_tokens":310,"completion_tokens":7,"cache_creation_input_tokens":300,"prompt_tokens_details":{"cached_tokens":200}}`,
			providers.Usage{Input: 310, CachedInput: 200, CacheWrite: 110, Output: 7},
		},
		"no total":           {`{"prompt_tokens":7,"completion_tokens":3}`, providers.Usage{Input: 7, Output: 3}},
		"negative reasoning": {`{"prompt_tokens":1,"completion_tokens":3,"completion_tokens_details":{"reasoning_tokens":-2}}`, providers.Usage{Input: 1, Output: 3}},
		"no prompt":          {`{"completion_tokens":3,"total_tokens":4}`, providers.Usage{Missing: true}},
	} {
		if got := parseUsage([]byte(c.usage)); got != c.want {
			t.Errorf("%s: counted %+v, want %+v", name, got, c.want)
		}
	}
}
