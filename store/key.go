package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"dreamlab/store/db"
)

// Tenant is the owner of keys, jobs and costs.
type Tenant struct {
	ID      string
	Name    string
	Created time.Time
}

// Key authenticates the requests of a tenant.
type Key struct {
	ID      string
	Tenant  string
	Name    string
	Scopes  []string
	Expires time.Time // zero: never
	Revoked time.Time
	Created time.Time
}

// The scopes of a key.
const (
	ScopeUse   = "use"   // chats, jobs, experiences, dreams, tunes of the tenant
	ScopeAdmin = "admin" // the above, routes, keys and the queue page
)

// Has tells whether the key has a scope; an admin key has all.
func (k Key) Has(scope string) bool {
	for _, have := range k.Scopes {
		if have == scope || have == ScopeAdmin {
			return true
		}
	}
	return false
}

// NewSecret returns a fresh API key, 160 random bits: "dl-" and 32 characters.
// It is shown once; only its hash is kept.
func NewSecret() string {
	return "dl-" + db.Random(20)
}

// HashSecret returns the stored hash of a key. Keys are long and random, so a plain hash cannot
// be searched.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// EnsureTenant returns the tenant of that name, made where there is none.
func (q *Queries) EnsureTenant(ctx context.Context, name string) (Tenant, error) {
	_, err := q.Exec(ctx, `INSERT INTO tenants (id, name, created) VALUES ($1, $2, {now})
		ON CONFLICT (name) DO NOTHING`, db.NewID("ten_"), name)
	if err != nil {
		return Tenant{}, err
	}
	t := Tenant{Name: name}
	var created *int64
	err = q.One(ctx, `SELECT id, created FROM tenants WHERE name = $1`, []any{name}, &t.ID, &created)
	t.Created = db.TimeOf(created)
	return t, err
}

// Tenants calls fn with every tenant.
func (q *Queries) Tenants(ctx context.Context, fn func(Tenant) error) error {
	return q.Each(ctx, `SELECT id, name, created FROM tenants ORDER BY id`, nil, func(rows db.Rows) error {
		var t Tenant
		var created *int64
		if err := rows.Scan(&t.ID, &t.Name, &created); err != nil {
			return err
		}
		t.Created = db.TimeOf(created)
		return fn(t)
	})
}

// SecretOfWebhooks returns the secret that signs the webhooks of a key's jobs: the HMAC-SHA256
// of the word webhook under the key. The key's owner can compute it; neither the key nor its
// hash can be computed from it.
func SecretOfWebhooks(secret string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("webhook"))
	return mac.Sum(nil)
}

// CreateKey stores a key's hash and the secret of its webhooks.
func (q *Queries) CreateKey(ctx context.Context, k Key, secret string) (Key, error) {
	k.ID = db.NewID("key_")
	var created *int64
	err := q.One(ctx, `INSERT INTO keys (id, tenant, name, hash, webhook_secret, scopes, expires, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, {now}) RETURNING created`,
		[]any{k.ID, k.Tenant, k.Name, HashSecret(secret), hex.EncodeToString(SecretOfWebhooks(secret)), strings.Join(k.Scopes, " "),
			db.Micros(k.Expires)}, &created)
	k.Created = db.TimeOf(created)
	return k, err
}

const keyColumns = `id, tenant, name, scopes, expires, revoked, created`

func scanKey(scan func(...any) error) (Key, error) {
	var k Key
	var scopes string
	var expires, revoked, created *int64
	err := scan(&k.ID, &k.Tenant, &k.Name, &scopes, &expires, &revoked, &created)
	k.Scopes = strings.Fields(scopes)
	k.Expires, k.Revoked, k.Created = db.TimeOf(expires), db.TimeOf(revoked), db.TimeOf(created)
	return k, err
}

// KeyBySecret finds a key that is neither revoked nor expired.
func (q *Queries) KeyBySecret(ctx context.Context, secret string) (Key, error) {
	return db.Read(ctx, q.Tx, scanKey, `SELECT `+keyColumns+` FROM keys
		WHERE hash = $1 AND revoked IS NULL AND (expires IS NULL OR expires > {now})`, HashSecret(secret))
}

// RevokeKey revokes a key.
func (q *Queries) RevokeKey(ctx context.Context, id string) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE keys SET revoked = {now} WHERE id = $1 AND revoked IS NULL`, id)
}

// Keys lists a tenant's keys, all tenants' where it is "".
func (q *Queries) Keys(ctx context.Context, tenant string, p db.Page) ([]Key, bool, error) {
	n := db.Select(`SELECT ` + keyColumns + ` FROM keys WHERE TRUE`)
	n.By(`tenant = ?`, tenant)
	return db.List(ctx, q.Tx, p, scanKey, n.Query, n.Args...)
}

// WebhookSecret returns the secret that signs the webhooks of a key's jobs, or ErrNotFound
// where the key was revoked.
func (q *Queries) WebhookSecret(ctx context.Context, key string) ([]byte, error) {
	var text string
	if err := q.One(ctx, `SELECT webhook_secret FROM keys WHERE id = $1 AND revoked IS NULL`, []any{key}, &text); err != nil {
		return nil, fmt.Errorf("read key %s: %w", key, err)
	}
	secret, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", key, err)
	}
	return secret, nil
}
