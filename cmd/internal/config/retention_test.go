package config

import (
	"strings"
	"testing"
	"time"
)

// TestAgesAreChecked takes no age of conversations below that of jobs, which hold the same texts; none is for ever.
func TestAgesAreChecked(t *testing.T) {
	t.Parallel()
	if c, err := load(t, ""); err != nil || c.ExperienceRetention != 0 {
		t.Errorf("by default experiences are kept for %v, %v", c.ExperienceRetention, err)
	}
	if c, err := load(t, "retention: 48h\nexperience_retention: 8760h\n"); err != nil || c.ExperienceRetention != 8760*time.Hour {
		t.Errorf("of the file: %+v, %v", c, err)
	}
	for text, part := range map[string]string{
		"retention: 48h\nexperience_retention: 47h\n": "give at least retention, whose jobs",
		"experience_retention: -1h\n":                 "give at least retention, whose jobs",
		"dream_retention: 719h\n":                     "give at least 720h",
		"retention: 24h\n":                            "give at least 25h",
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: no fault says %q: %v", text, part, err)
		}
	}
}
