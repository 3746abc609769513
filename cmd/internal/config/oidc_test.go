package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dreamlab/store"
)

// TestOIDC reads issuers of tokens, and says what is missing of one.
func TestOIDC(t *testing.T) {
	t.Parallel()
	if !slices.Equal(slices.Sorted(slices.Values(scopes())), slices.Sorted(slices.Values(store.Scopes()))) {
		t.Errorf("the scopes are %v", scopes())
	}
	load := func(issuer string) (*Config, error) {
		path := filepath.Join(t.TempDir(), "dreamlab.yaml")
		if err := os.WriteFile(path, []byte("oidc: ["+issuer+"]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(Options{File: path, Lookup: func(string) (string, bool) { return "", false }})
	}
	const good = `{issuer: "https://id.example", audience: lab, tenants: {"*": default}}`
	c, err := load(good)
	if err != nil {
		t.Fatal(err)
	}
	if o := c.OIDC[0]; o.Claims.Scopes != "scope" || o.Scopes["dreamlab:review"] != "review" || o.Tenants["*"] != "default" {
		t.Errorf("it is %+v", o)
	}
	for text, says := range map[string]string{
		`{issuer: id.example, audience: lab, tenants: {"*": a}}`:                              "https://",
		`{issuer: "https://id.example?x=1", audience: lab, tenants: {"*": a}}`:                "without a query",
		`{issuer: "https://id.example", tenants: {"*": a}}`:                                   "audience",
		`{issuer: "https://id.example", audience: lab}`:                                       "tenants",
		`{issuer: "https://id.example", audience: lab, tenants: {x: a}}`:                      "claims.tenant",
		`{issuer: "https://id.example", audience: lab, tenants: {"*": ""}}`:                   "names no tenant",
		`{issuer: "https://id.example", audience: lab, tenants: {"*": a}, scopes: {x: root}}`: "root",
		good + "," + good: "listed twice",
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
