package boot

import (
	"dreamlab/cmd/internal/config"
	"dreamlab/providers"
)

// aliasLimits are those of the calls for an alias.
func aliasLimits(c *config.Config) map[string]providers.Limits {
	limits := map[string]providers.Limits{}
	for alias, l := range c.Limits {
		limits[alias] = l.Calls()
	}
	return limits
}

// serverLimits are those of the calls at one of the operator's own servers.
func serverLimits(c *config.Config) map[string]providers.Limits {
	limits := map[string]providers.Limits{}
	for _, server := range c.Servers {
		limits[server.Name] = server.Limits.Calls()
	}
	return limits
}
