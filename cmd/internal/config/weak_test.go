package config

import (
	"net/netip"
	"strings"
	"testing"
)

// TestWeakSettings names what lets others in, and nothing of a machine on which nothing is set.
func TestWeakSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(*Config)
		says []string
	}{
		"defaults":        {func(*Config) {}, nil},
		"open":            {func(c *Config) { c.Addr = "0.0.0.0:8080" }, []string{"tls.cert"}},
		"every interface": {func(c *Config) { c.Addr = ":8080" }, []string{"tls.cert"}},
		"open with TLS":   {func(c *Config) { c.Addr, c.TLS = "0.0.0.0:443", TLS{"c", "k"} }, nil},
		"database":        {func(c *Config) { c.Database = "postgres://u:p@db.example/lab" }, []string{"sslmode"}},
		"database by TLS": {func(c *Config) { c.Database = "postgres://u:p@db.example/lab?sslmode=verify-full" }, nil},
		"database here":   {func(c *Config) { c.Database = "postgres://127.0.0.1/lab" }, nil},
		"redis":           {func(c *Config) { c.Redis = "redis://cache.example:6379" }, []string{"rediss", "password"}},
		"redis by TLS":    {func(c *Config) { c.Redis = "rediss://:p@cache.example:6379" }, nil},
		"metrics":         {func(c *Config) { c.Metrics = "10.0.0.1:9091" }, []string{"metrics"}},
		"webhooks":        {func(c *Config) { c.Webhooks.Private = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }, []string{"0.0.0.0/0"}},
		"issuer here":     {func(c *Config) { c.OIDC = []OIDC{{Issuer: "http://127.0.0.1:9", Tenants: map[string]string{"*": "a"}}} }, nil},
		"issuer":          {func(c *Config) { c.OIDC = []OIDC{{Issuer: "http://id.example"}} }, []string{"without TLS"}},
		"admins":          {func(c *Config) { c.OIDC = []OIDC{{Scopes: map[string]string{"*": "admin"}}} }, []string{"admin"}},
		"debug":           {func(c *Config) { c.Log = "debug" }, []string{"debug"}},
	} {
		config := Default()
		c.set(config)
		weak := config.Weak()
		if len(weak) != len(c.says) {
			t.Errorf("%s: %q", name, weak)
			continue
		}
		for i, part := range c.says {
			if !strings.Contains(weak[i], part) || strings.Contains(weak[i], ":p@") {
				t.Errorf("%s: %q, want %q", name, weak[i], part)
			}
		}
	}
}
