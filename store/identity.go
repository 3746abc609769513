package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"dreamlab/store/db"
)

// Identity is who a token of OpenID Connect speaks for. A key stands for it in the books, limits,
// budgets and the audit log.
type Identity struct {
	Issuer  string // as in the token's iss
	Subject string // as in the token's sub
}

// IsZero tells whether there is none.
func (i Identity) IsZero() bool { return i == Identity{} }

// hash names an identity of a tenant in the place of a secret's hash, whose letters it does not share.
func (i Identity) hash(tenant string) string {
	return "oidc:" + HashSecret(strings.Join([]string{i.Issuer, i.Subject, tenant}, "\n"))
}

// identityUsed is how exactly the last use of an identity is kept.
const identityUsed = time.Minute

// KeyByIdentity returns the key that stands for an identity of the tenant of that name; both are
// made where they are missing. It keeps the scopes that the token gave, for those who look. Where
// the key is disabled or revoked it fails with ErrNotFound.
func (q *Queries) KeyByIdentity(ctx context.Context, tenant string, i Identity, scopes []string, now time.Time) (Key, error) {
	hash := i.hash(tenant)
	k, err := keyByHash(ctx, q, hash)
	if errors.Is(err, db.ErrNotFound) {
		k, err = addIdentity(ctx, q, tenant, i, scopes)
	}
	if err != nil {
		return k, err
	}
	if !k.Disabled.IsZero() || !k.Revoked.IsZero() || !k.Expires.IsZero() && !k.Expires.After(now) {
		return Key{}, db.ErrNotFound
	}
	if slices.Equal(k.Scopes, scopes) && now.Sub(k.Used) < identityUsed {
		return k, nil
	}
	k.Scopes = scopes
	_, err = q.Exec(ctx, `UPDATE keys SET scopes = $2, used = {now} WHERE hash = $1`, hash, strings.Join(scopes, " "))
	return k, err
}

func keyByHash(ctx context.Context, q *Queries, hash string) (Key, error) {
	return db.Read(ctx, q.Tx, scanKey, `SELECT `+keyColumns+` FROM keys WHERE hash = $1`, hash)
}

// addIdentity makes the key of an identity, unless another process does so at the same time.
func addIdentity(ctx context.Context, q *Queries, tenant string, i Identity, scopes []string) (Key, error) {
	owner, err := q.EnsureTenant(ctx, tenant)
	if err != nil {
		return Key{}, err
	}
	_, err = q.Exec(ctx, `INSERT INTO keys
		(id, tenant, name, issuer, subject, hash, webhook_secret, scopes, models, networks, created)
		VALUES ($1, $2, '', $3, $4, $5, '', $6, '', '', {now}) ON CONFLICT (hash) DO NOTHING`,
		db.NewID("key_"), owner.ID, i.Issuer, i.Subject, i.hash(tenant), strings.Join(scopes, " "))
	if err != nil {
		return Key{}, err
	}
	return keyByHash(ctx, q, i.hash(tenant))
}
