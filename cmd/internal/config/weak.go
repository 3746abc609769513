package config

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Weak lists settings that work but let others in or read along, each with what to do.
func (c *Config) Weak() []string {
	var weak []string
	add := func(is bool, text string) {
		if is {
			weak = append(weak, text)
		}
	}
	host, _, err := net.SplitHostPort(c.Addr)
	add(err == nil && !local(host) && c.TLS.Cert == "", "addr is open to other machines without TLS: set tls.cert and tls.key, "+
		"or put a proxy with TLS before it")
	add(openURL(c.Database) && !strings.Contains(c.Database, "sslmode=require") && !strings.Contains(c.Database, "sslmode=verify"),
		"database_url leads to another machine and does not insist on TLS: add sslmode=verify-full")
	add(openURL(c.Redis) && !strings.HasPrefix(c.Redis, "rediss:") && !strings.Contains(c.Redis, "tls"),
		"redis_url leads to another machine without TLS: use rediss://")
	add(openURL(c.Redis) && !hasPassword(c.Redis), "redis_url has no password: anybody who reaches it can read and make work")
	metrics, _, err := net.SplitHostPort(c.Metrics)
	add(err == nil && !local(metrics), "metrics is open to other machines, and asks for no key: bind it to 127.0.0.1")
	for _, p := range c.Webhooks.Private {
		add(p.Bits() < 8, "webhooks.private allows "+p.String()+": name the networks that are meant")
	}
	add(c.Log == "debug", "log is debug: it tells more than operation needs")
	return append(weak, weakOIDC(c.OIDC)...)
}

// local tells whether a host is this machine alone.
func local(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// openURL tells whether a URL leads to another machine.
func openURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != "" && !local(u.Hostname())
}

func hasPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return false
	}
	_, has := u.User.Password()
	return has
}
