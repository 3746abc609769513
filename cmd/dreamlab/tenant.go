package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"dreamlab/store"
)

// tenants are the tenants' names, by their ids.
type tenants map[string]string

func tenantNames(ctx context.Context, s *store.Store) (tenants, error) {
	names := tenants{}
	err := s.Tenants(ctx, func(t store.Tenant) error {
		names[t.ID] = t.Name
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the tenants: %w", err)
	}
	return names, nil
}

// of returns a tenant's name, or its id where it has none.
func (t tenants) of(id string) string { return cmp.Or(t[id], id) }

// find returns the id of the tenant with a name or an id; "" for "".
func (t tenants) find(name string) (string, error) {
	if name == "" || strings.HasPrefix(name, "ten_") {
		return name, nil
	}
	for id, n := range t {
		if n == name {
			return id, nil
		}
	}
	return "", fmt.Errorf("there is no tenant %q: `dreamlab key list` shows those that have keys", name)
}
