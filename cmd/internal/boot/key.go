package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/token"
	"dreamlab/cmd/internal/config"
	"dreamlab/store"
	"dreamlab/store/db"
)

// FirstTenant owns the key that `up` makes.
const FirstTenant = "default"

// maxName bounds the names of tenants and keys, in bytes.
const maxName = 128

// NewKey makes a key for the tenant of that name, which is made too where it is
// missing. The secret is shown this once; only its hash is kept.
func NewKey(ctx context.Context, s *store.Store, tenant string, k store.Key) (store.Key, string, error) {
	for _, name := range []string{tenant, k.Name} {
		if len(name) > maxName || strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name) {
			return store.Key{}, "", fmt.Errorf("make a key: names have at most %d bytes of plain text", maxName)
		}
	}
	secret := store.NewSecret()
	err := s.Tx(ctx, db.Synced, func(q *store.Queries) error {
		owner, err := q.EnsureTenant(ctx, tenant)
		if err != nil {
			return err
		}
		k.Tenant = owner.ID
		k, err = q.CreateKey(ctx, k, secret)
		return err
	})
	if err != nil {
		return store.Key{}, "", fmt.Errorf("make a key: %w", err)
	}
	return k, secret, nil
}

// AdminKey returns the key in the data directory, and makes one where there is
// none that this database takes. fresh tells that it is to be shown.
func AdminKey(ctx context.Context, s *store.Store, dir string) (secret string, fresh bool, err error) {
	path := filepath.Join(dir, config.KeyFile)
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", false, fmt.Errorf("read the first key: %w", err)
	}
	secret = strings.TrimSpace(string(text))
	_, err = s.KeyBySecret(ctx, secret)
	if err == nil {
		return secret, false, nil
	}
	if !errors.Is(err, db.ErrNotFound) {
		return "", false, fmt.Errorf("look the first key up: %w", err)
	}
	_, secret, err = NewKey(ctx, s, FirstTenant, store.Key{Name: "admin", Scopes: []string{store.ScopeAdmin}})
	if err != nil {
		return "", false, err
	}
	return secret, true, writeSecret(path, secret)
}

// ticketLife is how long the link that `up` prints signs a browser in.
const ticketLife = time.Hour

// SignInLink returns an address of the pages that signs a browser in with a key, once.
func SignInLink(ctx context.Context, s *store.Store, url, secret string) (string, error) {
	key, err := s.KeyBySecret(ctx, secret)
	if err != nil {
		return "", fmt.Errorf("make a sign-in link: %w", err)
	}
	ticket, err := s.NewTicket(ctx, key.ID, ticketLife)
	if err != nil {
		return "", fmt.Errorf("make a sign-in link: %w", err)
	}
	return url + "/app/enter?ticket=" + ticket, nil
}

// KeepAddress writes where the API answers beside the first key, for the verbs that
// ask it, and returns what removes it again.
func KeepAddress(dir, url string) (forget func() error, err error) {
	path := filepath.Join(dir, config.AddressFile)
	if err := writeSecret(path, url); err != nil {
		return nil, err
	}
	return func() error {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("forget the API's address: %w", err)
		}
		return nil
	}, nil
}

// sourceOf is whose tokens an issuer of the configuration stands for.
func sourceOf(o config.OIDC) token.Source {
	return token.Source{Issuer: o.Issuer, Audience: o.Audience}
}

// tokens checks those of the issuers, nil where there is none.
func tokens(issuers []config.OIDC) gate.Tokens {
	var all []token.Issuer
	for _, o := range issuers {
		all = append(all, token.Issuer{
			Source: sourceOf(o), TenantClaim: o.Claims.Tenant, ScopesClaim: o.Claims.Scopes,
			Tenants: o.Tenants, Scopes: o.Scopes, Models: o.Models,
		})
	}
	if len(all) == 0 {
		return nil
	}
	return token.New(all)
}
