package boot

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dreamlab/providers"
)

func TestCallsOfVendorsAreCounted(t *testing.T) {
	t.Parallel()
	metrics := prometheus.NewRegistry()
	tried := newTries(metrics)
	tuned := providers.Target{Provider: "p", Model: "acme/tuned", Priced: "m"}
	tried(providers.Tried{Target: tuned, Took: time.Second, Nano: 2_500_000_000,
		Skipped: 4, Usage: providers.Usage{Input: 7, CachedInput: 3, Output: 2}})
	tried(providers.Tried{Target: providers.Target{Provider: "p", Model: "m"}, Kind: providers.KindTimeout})
	shown := httptest.NewRecorder()
	promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}).ServeHTTP(shown, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`dreamlab_vendor_calls_total{model="m",outcome="answered",provider="p"} 1`,
		`dreamlab_vendor_calls_total{model="m",outcome="timeout",provider="p"} 1`,
		`dreamlab_vendor_tokens_total{direction="cached",model="m",provider="p"} 3`,
		`dreamlab_vendor_tokens_total{direction="input",model="m",provider="p"} 7`,
		`dreamlab_vendor_tokens_total{direction="output",model="m",provider="p"} 2`,
		`dreamlab_vendor_skipped_events_total{model="m",provider="p"} 4`,
		`dreamlab_vendor_usd_total{model="m",provider="p"} 2.5`,
		`dreamlab_vendor_call_seconds_count{model="m",provider="p"} 2`,
	} {
		if !strings.Contains(shown.Body.String(), want) {
			t.Errorf("%s is not in %s", want, shown.Body)
		}
	}
}
