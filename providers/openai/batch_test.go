package openai

import (
	"net/http"
	"testing"
	"time"

	"dreamlab/providers"
)

// A file of requests is waited for where the vendor checks it first.
func TestFileIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		states []string // one for each look; the last one stays
		looks  int
		kind   providers.Kind
	}{
		"at once":    {[]string{"processed"}, 1, ""},
		"later":      {[]string{"Pending", "running", "processed"}, 3, ""},
		"not stated": {[]string{""}, 1, ""},
		"refused":    {[]string{"pending", "error"}, 2, providers.KindInvalid},
		"never":      {[]string{"pending"}, maxLooks, providers.KindCapacity},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			looks := 0
			client := serve(t, Dialect{}, func(w http.ResponseWriter, r *http.Request) {
				state := c.states[min(looks, len(c.states)-1)]
				looks++
				body(http.StatusOK, "application/json", `{"id":"f","status":"`+state+`"}`)(w, r)
			})
			b := &batcher{client, Batches{Base: client.dialect.Base, Look: time.Nanosecond}}
			err := b.checked(t.Context(), "f")
			if looks != c.looks || (err == nil) != (c.kind == "") || err != nil && providers.KindOf(err) != c.kind {
				t.Errorf("%d looks, %v, want %d and %q", looks, err, c.looks, c.kind)
			}
		})
	}
}
