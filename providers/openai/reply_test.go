package openai

import (
	"testing"

	"dreamlab/providers"
)

// Reasoning is output, whether a vendor counts it in the completion or beside it.
func TestOutputHoldsReasoning(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body              string
		output, reasoning int64
	}{
		"inside":             {`{"prompt_tokens":9,"completion_tokens":50,"total_tokens":59,"completion_tokens_details":{"reasoning_tokens":40}}`, 50, 40},
		"beside, in total":   {`{"prompt_tokens":9,"completion_tokens":50,"total_tokens":99,"completion_tokens_details":{"reasoning_tokens":40}}`, 90, 40},
		"beside, in neither": {`{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18,"completion_tokens_details":{"reasoning_tokens":75}}`, 84, 75},
		"only in the total":  {`{"prompt_tokens":9,"completion_tokens":50,"total_tokens":99}`, 90, 0},
		"no total":           {`{"prompt_tokens":9,"completion_tokens":50}`, 50, 0},
		"a strange total":    {`{"prompt_tokens":9,"completion_tokens":50,"total_tokens":1e300}`, 50, 0},
		"a total too small":  {`{"prompt_tokens":9,"completion_tokens":50,"total_tokens":9}`, 50, 0},
	} {
		want := providers.Usage{Input: 9, Output: c.output, Reasoning: c.reasoning}
		if got := parseUsage([]byte(c.body)); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}
