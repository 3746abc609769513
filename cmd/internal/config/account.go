package config

import (
	"maps"
	"slices"

	"dreamlab/providers"
)

// defaultWeight is the share of a key for which none is set.
const defaultWeight = 100

// Weight is a share of a vendor's calls among its keys; nil for the default of 100. With 0 a
// key is used where the others can not be.
type Weight *int

// Account is another account of a vendor, beside the one that the vendor's own variables
// hold, which has the default weight.
type Account struct {
	Name   string `yaml:"name"` // as logs show it
	Weight Weight `yaml:"weight,omitempty"`
	// Env names the variables that hold its settings, by the vendor's own variables. What
	// is not named here is as in the vendor's own account.
	Env map[string]string `yaml:"env"`
	// Values are the settings, by the vendor's own variables.
	Values map[string]string `yaml:"-"`
}

// ServerKey is one of several keys of a server. It is shown by the name of its variable.
type ServerKey struct {
	KeyEnv string `yaml:"key_env"`
	Weight Weight `yaml:"weight,omitempty"`
	// Key is what KeyEnv holds.
	Key string `yaml:"-"`
}

// Share returns a weight, or the default where none is set.
func Share(weight Weight) int {
	if weight == nil {
		return defaultWeight
	}
	return *weight
}

// readAccounts takes the settings of the accounts from the environment.
func (l *loader) readAccounts() {
	for _, name := range sorted(l.Accounts) {
		at := slices.IndexFunc(l.options.Vendors, func(v providers.Vendor) bool { return v.Name == name })
		if at < 0 || l.Vendors[name] == nil {
			l.fault("accounts.%s: this vendor is not configured: set its own key, too", name)
			continue
		}
		for i := range l.Accounts[name] {
			l.readAccount(l.options.Vendors[at], &l.Accounts[name][i])
		}
	}
}

func (l *loader) readAccount(vendor providers.Vendor, account *Account) {
	account.Values = maps.Clone(l.Vendors[vendor.Name])
	for _, setting := range sorted(account.Env) {
		variable := account.Env[setting]
		if !slices.ContainsFunc(vendor.Settings, func(s providers.Setting) bool { return s.Env == setting }) {
			l.fault("accounts.%s: this vendor has no setting %q", vendor.Name, setting)
			continue
		}
		value, set := l.lookup(variable)
		if !set {
			l.fault("accounts.%s: %s takes %s from %s, which is not set", vendor.Name, account.Name, setting, variable)
		}
		account.Values[setting] = value
	}
}

func (l *loader) checkAccounts() {
	for _, vendor := range sorted(l.Accounts) {
		seen := map[string]bool{}
		for i, a := range l.Accounts[vendor] {
			if !plainName.MatchString(a.Name) || seen[a.Name] {
				l.fault("accounts.%s[%d]: name %q: take one of a-z, 0-9 and - that no other account has", vendor, i, a.Name)
			}
			seen[a.Name] = true
			if len(a.Env) == 0 {
				l.fault("accounts.%s[%d]: name under env the variable that holds its key", vendor, i)
			}
			if Share(a.Weight) < 0 {
				l.fault("accounts.%s[%d]: weight can not be negative", vendor, i)
			}
		}
	}
}

func (l *loader) checkKeys(i int, s Server) {
	if len(s.Keys) > 0 && s.KeyEnv != "" {
		l.fault("servers[%d]: give key_env or keys, not both", i)
	}
	seen := map[string]bool{}
	for j, key := range s.Keys {
		if seen[key.KeyEnv] {
			l.fault("servers[%d].keys[%d]: %q is listed twice", i, j, key.KeyEnv)
		}
		seen[key.KeyEnv] = true
		if Share(key.Weight) < 0 {
			l.fault("servers[%d].keys[%d]: weight can not be negative", i, j)
		}
	}
}
