package config

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Value is one setting as an operator may see it.
type Value struct {
	Key    string `json:"key"`
	Value  string `json:"value"`  // redacted
	Origin string `json:"origin"` // the variable, the flag, file:line, or default
}

const hidden = "(set, not shown)"

// Values lists every setting with its origin, without its secrets.
func (c *Config) Values() ([]Value, error) {
	var root yaml.Node
	if err := root.Encode(c); err != nil {
		return nil, fmt.Errorf("list the configuration: %w", err)
	}
	var values []Value
	walk(&root, "", func(key string, node *yaml.Node) {
		values = append(values, Value{key, redactURL(node.Value), cmp.Or(c.origins[key], "default")})
	})
	for _, vendor := range sorted(c.Vendors) {
		for _, name := range sorted(c.Vendors[vendor]) {
			values = append(values, c.variable(name, c.Vendors[vendor][name]))
		}
	}
	for _, name := range sorted(c.variables) {
		values = append(values, c.variable(name, c.variables[name]))
	}
	return values, nil
}

func (c *Config) variable(name, value string) Value {
	if c.secrets[name] {
		value = hidden
	}
	return Value{name, redactURL(value), c.origins[name]}
}

// redactURL takes the password out of a URL and leaves other texts alone.
func redactURL(text string) string {
	parsed, err := url.Parse(text)
	if err != nil && strings.Contains(text, "://") {
		return hidden
	}
	if err != nil || parsed.Host == "" {
		return text
	}
	query := parsed.Query()
	for _, name := range []string{"password", "sslpassword", "key", "token"} {
		if query.Has(name) {
			query.Set(name, "xxxxx")
			parsed.RawQuery = query.Encode()
		}
	}
	return parsed.Redacted()
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
