package providertest

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/sandbox/lab"
)

// scripted plays the faults that a script may hold, in the emulator's own words: each is
// of one kind, and its wait is the one that was told, if the vendor tells any.
func (h Harness) scripted(t *testing.T) {
	r := h.rig(t)
	if _, err := r.driver.Chat(t.Context(), r.request(question), nil); err != nil { // the credentials are there from now on
		t.Fatal(err)
	}
	broken := []providers.Kind{providers.KindTruncated, providers.KindServer, providers.KindUnreadable}
	for name, c := range map[string]struct {
		fault lab.Fault
		kinds []providers.Kind
		wait  time.Duration
	}{
		"rate limit":   {lab.Fault{Kind: lab.FaultRateLimit, RetryAfter: 3}, []providers.Kind{providers.KindRateLimit}, 3 * time.Second},
		"capacity":     {lab.Fault{Kind: lab.FaultCapacity}, []providers.Kind{providers.KindCapacity}, 0},
		"filter":       {lab.Fault{Kind: lab.FaultFilter}, []providers.Kind{providers.KindContentFilter, providers.KindInvalid}, 0},
		"failure":      {lab.Fault{Kind: lab.FaultStatus, Status: http.StatusInternalServerError}, []providers.Kind{providers.KindServer}, 0},
		"garbage":      {lab.Fault{Kind: lab.FaultGarbage}, []providers.Kind{providers.KindUnreadable}, 0},
		"lost":         {lab.Fault{Kind: lab.FaultDropAfter}, []providers.Kind{providers.KindServer}, 0},
		"cut":          {lab.Fault{Kind: lab.FaultTruncate, Chunks: 2}, broken, 0},
		"stream error": {lab.Fault{Kind: lab.FaultStreamError, Chunks: 2}, append(broken, providers.KindCapacity), 0},
	} {
		r.script(t, c.fault)
		_, err := r.driver.Chat(t.Context(), r.request(question), func(providers.Chunk) error { return nil })
		if e := asError(t, err); !slices.Contains(c.kinds, e.Kind) || e.RetryAfter != 0 && e.RetryAfter != c.wait {
			t.Errorf("%s: %s after %v, want one of %v after %v", name, e.Kind, e.RetryAfter, c.kinds, c.wait)
		}
	}
}
