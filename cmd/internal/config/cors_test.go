package config

import (
	"slices"
	"strings"
	"testing"
)

func TestSitesThatMayAsk(t *testing.T) {
	t.Parallel()
	c, err := load(t, "cors: https://A.example/\n")
	if err != nil || !slices.Equal(c.CORS, Names{"https://a.example"}) {
		t.Errorf("of the file: %v, %v", c, err)
	}
	c, err = load(t, "cors: [https://a.example]\n", "DREAMLAB_CORS", "http://localhost:3000, https://b.example")
	if err != nil || !slices.Equal(c.CORS, Names{"http://localhost:3000", "https://b.example"}) {
		t.Errorf("of the variable: %v, %v", c, err)
	}
	for _, bad := range []string{"*", "null", "https://*.example", "lab.example", "https://lab.example/chat", "file://x", "https://u@h"} {
		if _, err := load(t, "", "DREAMLAB_CORS", bad); err == nil || !strings.Contains(err.Error(), "cors (DREAMLAB_CORS)") {
			t.Errorf("%s is taken: %v", bad, err)
		}
	}
}
