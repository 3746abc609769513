package providers_test

import (
	"errors"
	"testing"

	"dreamlab/providers"
)

// TestWhatOneVendorLacksAnotherMayTake asks on, and names the parameter where nobody has it.
func TestWhatOneVendorLacksAnotherMayTake(t *testing.T) {
	t.Parallel()
	lacks := failsWith(providers.Error{Kind: providers.KindUnsupported, Param: "logprobs"})
	for name, c := range map[string]struct {
		dear  step
		kind  providers.Kind
		param string
	}{
		"taken by the other":        {dear: says("d")},
		"lacking at both":           {dear: lacks, kind: providers.KindUnsupported, param: "logprobs"},
		"the one that has it fails": {dear: fails(providers.KindBilling), kind: providers.KindBilling},
	} {
		w := newWorld(t, map[string][]step{"cheap": {lacks}, "dear": {c.dear}})
		answer, err := w.ask(t.Context(), at("cheap", "dear"))
		if c.kind == "" {
			if err != nil || answer.Target.Provider != "dear" {
				t.Errorf("%s: %+v, %v", name, answer, err)
			}
			continue
		}
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Param != c.param || w.vendors["cheap"].calls != 1 {
			t.Errorf("%s: got %v of the parameter %q", name, err, e.Param)
		}
	}
}
