package config

import (
	"strings"
	"testing"
)

// TestShadowIsChecked names each setting of a shadow that no canary could go by.
func TestShadowIsChecked(t *testing.T) {
	t.Parallel()
	_, err := load(t, "tune: {canary: {shadow: {share: 2, pairs: 0, budget_usd: 0}}}")
	for _, part := range []string{
		"tune.canary.shadow.share (", "2 is out of range", "tune.canary.shadow.pairs (", "0 is out of range",
		"tune.canary.shadow.budget_usd (", "give more than 0",
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("no fault says %q: %v", part, err)
		}
	}
	if _, err := load(t, "tune: {canary: {enabled: true, shadow: {share: 0, budget_usd: 0}}}"); err != nil {
		t.Errorf("a canary without a shadow: %v", err)
	}
}
