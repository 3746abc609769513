package config

import (
	"slices"
	"strings"
	"testing"
)

func TestPII(t *testing.T) {
	t.Parallel()
	c, err := load(t, "pii: {presidio: 'http://presidio:3000', score: 0.5, entities: [PERSON]}")
	if err != nil || c.PII.Presidio != "http://presidio:3000" || c.PII.Score != 0.5 || c.PII.Language != "en" ||
		!slices.Equal(c.PII.Entities, []string{"PERSON"}) {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = load(t, ""); err != nil || c.PII.Presidio != "" || !slices.Contains(c.PII.Entities, "PERSON") {
		t.Errorf("defaults: %+v, %v", c.PII, err)
	}
	for file, fault := range map[string]string{
		"pii: {presidio: 'presidio:3000'}": "pii.presidio", "pii: {score: 1.5}": "pii.score", "pii: {language: ''}": "pii.language",
	} {
		if _, err := load(t, file); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v, want a fault of %s", file, err, fault)
		}
	}
}
