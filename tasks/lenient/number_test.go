package lenient_test

import (
	"encoding/json"
	"testing"

	"dreamlab/tasks/lenient"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{`0.9`: 0.9, `"0.9"`: 0.9, `" 1 "`: 1, `1e-1`: 0.1, `-2`: -2} {
		var n lenient.Number
		if err := json.Unmarshal([]byte(text), &n); err != nil || float64(n) != want {
			t.Errorf("%s was read as %v, %v", text, n, err)
		}
	}
	for _, text := range []string{`"high"`, `""`, `true`, `[1]`, `{}`, `"NaN"`, `"Inf"`, `1e999`} {
		var n lenient.Number
		if err := json.Unmarshal([]byte(text), &n); err == nil {
			t.Errorf("%s was read as %v", text, n)
		}
	}
	var absent struct{ N *lenient.Number }
	if err := json.Unmarshal([]byte(`{"n":null}`), &absent); err != nil || absent.N != nil {
		t.Errorf("null was read as %v, %v", absent.N, err)
	}
}
