package boot

import (
	"bytes"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"dreamlab/providers"
)

func TestDisputesAreTold(t *testing.T) {
	t.Parallel()
	metrics, log := prometheus.NewRegistry(), &bytes.Buffer{}
	dispute := newDisputes(metrics, zerolog.New(log))
	dispute(providers.Target{Provider: "v", Model: "m"}, providers.Usage{Input: 1 << 32, Output: 2}, "req-1")
	families, err := metrics.Gather()
	if err != nil || len(families) != 1 || families[0].GetMetric()[0].GetCounter().GetValue() != 1 {
		t.Errorf("metrics %v, %v", families, err)
	}
	for _, part := range []string{"v/m", "req-1", "4294967296"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log has no %q: %s", part, log)
		}
	}
}
