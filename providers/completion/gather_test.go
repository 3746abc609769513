package completion_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"dreamlab/providers/completion"
)

// TestStreamHoldsWhatAWholeAnswerHolds reads chunks with members that OpenAI's do not
// have, and wants the choices of the same answer that came whole.
func TestStreamHoldsWhatAWholeAnswerHolds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		deltas []string // the choices of each chunk
		want   string
	}{
		"reasoning under the other name": {
			[]string{`[{"index":0,"delta":{"reasoning_content":"a"}}]`,
				`[{"index":0,"delta":{"reasoning_content":"b","content":"c"},"finish_reason":"stop"}]`},
			`[{"index":0,"message":{"role":"assistant","content":"c","reasoning_content":"ab"},"finish_reason":"stop"}]`,
		},
		"reasoning under both": {
			[]string{`[{"index":0,"delta":{"reasoning":"a","reasoning_content":"a","content":"c"},"finish_reason":"stop"}]`},
			`[{"index":0,"message":{"role":"assistant","content":"c","reasoning":"a","reasoning_content":"a"},"finish_reason":"stop"}]`,
		},
		"details of the reasoning": {
			[]string{
				`[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.text","text":"x","index":0,"format":"f"}]}}]`,
				`[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.text","text":"y","index":0,"format":"f"}]}}]`,
				`[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"s","index":1}]}}]`,
				`[{"index":0,"delta":{"content":"c"},"finish_reason":"stop"}]`,
			},
			`[{"index":0,"message":{"role":"assistant","content":"c","reasoning_details":[` +
				`{"type":"reasoning.text","text":"xy","index":0,"format":"f"},{"type":"reasoning.encrypted","data":"s","index":1}]},` +
				`"finish_reason":"stop"}]`,
		},
		"likelihoods": {
			[]string{
				`[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-1,"bytes":[97]}],"refusal":null}}]`,
				`[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[{"token":"b","logprob":-2,"bytes":[98]}],"refusal":null}}]`,
				`[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]`,
			},
			`[{"index":0,"message":{"role":"assistant","content":"ab"},"logprobs":{"content":[` +
				`{"token":"a","logprob":-1,"bytes":[97]},{"token":"b","logprob":-2,"bytes":[98]}]},"finish_reason":"stop"}]`,
		},
		"sound, sources and verdicts": {
			[]string{
				`[{"index":0,"delta":{"audio":{"id":"i","data":"AA"},"content_filter":null}}]`,
				`[{"index":0,"delta":{"audio":{"data":"BB","transcript":"t"},"annotations":[{"url":"u"}]}}]`,
				`[{"index":0,"delta":{"annotations":[{"url":"v"}]},"matched_stop":1}]`,
				`[{"index":0,"delta":{"content":"c"},"matched_stop":200,"finish_reason":"stop"}]`,
			},
			`[{"index":0,"message":{"role":"assistant","content":"c","audio":{"id":"i","data":"AABB","transcript":"t"},` +
				`"annotations":[{"url":"u"},{"url":"v"}]},"matched_stop":200,"finish_reason":"stop"}]`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r completion.Reader
			for _, choices := range test.deltas {
				if _, err := r.Take([]byte(choices)); err != nil {
					t.Fatal(err)
				}
			}
			if got := r.Choices(); !sameJSON(t, string(got), test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var left, right any
	if err := json.Unmarshal([]byte(a), &left); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &right); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(left, right)
}
