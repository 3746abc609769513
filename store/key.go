package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
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
	ID     string
	Tenant string
	Name   string
	// Identity is who the tokens speak for that stand in for a secret. Defaults to none: the key has a secret.
	Identity Identity
	Scopes   []string
	// Models are those that it may ask, as aliases or provider/model, a * at the end
	// standing for any rest. None: all.
	Models []string
	// Networks are those that it may be used from. None: all.
	Networks []netip.Prefix
	Expires  time.Time // zero: never
	Disabled time.Time
	Revoked  time.Time
	Used     time.Time // last, to the minute
	Created  time.Time
}

// The scopes of a key.
const (
	ScopeView   = "view"   // reads what the tenant has
	ScopeUse    = "use"    // the above, and chats, jobs, experiences, dreams and tunes
	ScopeReview = "review" // reads, and decides on examples
	ScopeAdmin  = "admin"  // all of these, routes, keys and the queue page
)

// Scopes returns all scopes.
func Scopes() []string { return []string{ScopeView, ScopeUse, ScopeReview, ScopeAdmin} }

// Has tells whether the key has a scope: an admin key has all, and every key reads.
func (k Key) Has(scope string) bool {
	if scope == ScopeView {
		return len(k.Scopes) > 0
	}
	return slices.Contains(k.Scopes, scope) || slices.Contains(k.Scopes, ScopeAdmin)
}

// Asks tells whether the key may ask a model, by the name that a client gives.
func (k Key) Asks(model string) bool {
	return len(k.Models) == 0 || slices.ContainsFunc(k.Models, func(name string) bool {
		prefix, any := strings.CutSuffix(name, "*")
		return name == model || any && strings.HasPrefix(model, prefix)
	})
}

// Comes tells whether the key may be used from an address.
func (k Key) Comes(from netip.Addr) bool {
	return len(k.Networks) == 0 || slices.ContainsFunc(k.Networks, func(p netip.Prefix) bool {
		return p.Contains(from.Unmap())
	})
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

// Tenant finds a tenant by its id, or fails with ErrNotFound.
func (q *Queries) Tenant(ctx context.Context, id string) (Tenant, error) {
	t := Tenant{ID: id}
	var created *int64
	err := q.One(ctx, `SELECT name, created FROM tenants WHERE id = $1`, []any{id}, &t.Name, &created)
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

// CreateKey stores a key's hash and the secret of its webhooks. It makes the key's id where it has
// none.
func (q *Queries) CreateKey(ctx context.Context, k Key, secret string) (Key, error) {
	if k.ID == "" {
		k.ID = db.NewID("key_")
	}
	var created *int64
	err := q.One(ctx, `INSERT INTO keys
		(id, tenant, name, hash, webhook_secret, scopes, models, networks, expires, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, {now}) RETURNING created`,
		[]any{k.ID, k.Tenant, k.Name, HashSecret(secret), hex.EncodeToString(SecretOfWebhooks(secret)),
			strings.Join(k.Scopes, " "), strings.Join(k.Models, " "), words(k.Networks), db.Micros(k.Expires)}, &created)
	k.Created = db.TimeOf(created)
	return k, err
}

// words writes prefixes with spaces between.
func words(networks []netip.Prefix) string {
	all := make([]string, len(networks))
	for i, p := range networks {
		all[i] = p.String()
	}
	return strings.Join(all, " ")
}

// keyStatus tells whether a key is in force, and why not.
const keyStatus = `CASE WHEN revoked IS NOT NULL THEN 'revoked' WHEN disabled IS NOT NULL THEN 'disabled'
	WHEN expires <= {now} THEN 'expired' ELSE 'active' END`

const keyColumns = `id, tenant, name, issuer, subject, scopes, models, networks, expires, disabled, revoked, used, created`

func scanKey(scan func(...any) error) (Key, error) {
	var k Key
	var issuer, subject *string
	var scopes, models, networks string
	var expires, disabled, revoked, used, created *int64
	err := scan(&k.ID, &k.Tenant, &k.Name, &issuer, &subject, &scopes, &models, &networks,
		&expires, &disabled, &revoked, &used, &created)
	if err != nil {
		return k, err
	}
	k.Identity = Identity{db.Deref(issuer), db.Deref(subject)}
	k.Scopes, k.Models = strings.Fields(scopes), strings.Fields(models)
	for _, word := range strings.Fields(networks) {
		p, err := netip.ParsePrefix(word)
		if err != nil {
			return k, fmt.Errorf("read the networks of %s: %w", k.ID, err)
		}
		k.Networks = append(k.Networks, p)
	}
	k.Expires, k.Disabled, k.Revoked = db.TimeOf(expires), db.TimeOf(disabled), db.TimeOf(revoked)
	k.Used, k.Created = db.TimeOf(used), db.TimeOf(created)
	return k, nil
}

// KeyBySecret finds a key that is in force, also by the secret before a rotation
// whose time has not run out.
func (q *Queries) KeyBySecret(ctx context.Context, secret string) (Key, error) {
	return db.Read(ctx, q.Tx, scanKey, `SELECT `+keyColumns+` FROM keys
		WHERE (hash = $1 OR (old_hash = $1 AND old_until > {now}))
			AND revoked IS NULL AND disabled IS NULL AND (expires IS NULL OR expires > {now})`, HashSecret(secret))
}

// Key returns a tenant's key, whether it is in force or not.
func (q *Queries) Key(ctx context.Context, tenant, id string) (Key, error) {
	return db.Read(ctx, q.Tx, scanKey, `SELECT `+keyColumns+` FROM keys WHERE id = $1 AND tenant = $2`, id, tenant)
}

// TouchKey notes that a key is used.
func (q *Queries) TouchKey(ctx context.Context, id string) error {
	_, err := q.Exec(ctx, `UPDATE keys SET used = {now} WHERE id = $1`, id)
	return err
}

// SetKey writes name, scopes, models, networks, expiry and whether the key is
// disabled. A key that is revoked stays so: it fails with ErrNotFound.
func (q *Queries) SetKey(ctx context.Context, k Key) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE keys SET name = $3, scopes = $4, models = $5, networks = $6, expires = $7,
		disabled = $8 WHERE id = $1 AND tenant = $2 AND revoked IS NULL`, k.ID, k.Tenant, k.Name,
		strings.Join(k.Scopes, " "), strings.Join(k.Models, " "), words(k.Networks), db.Micros(k.Expires), db.Micros(k.Disabled))
}

// RotateKey gives a key another secret. The one before is taken for so long.
func (q *Queries) RotateKey(ctx context.Context, id, secret string, grace time.Duration) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE keys SET old_hash = hash, old_webhook_secret = webhook_secret,
		old_until = {now} + $4, hash = $2, webhook_secret = $3 WHERE id = $1 AND revoked IS NULL AND issuer IS NULL`, id,
		HashSecret(secret), hex.EncodeToString(SecretOfWebhooks(secret)), grace.Microseconds())
}

// RevokeKey revokes a key.
func (q *Queries) RevokeKey(ctx context.Context, id string) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE keys SET revoked = {now} WHERE id = $1 AND revoked IS NULL`, id)
}

// Keys lists a tenant's keys, all tenants' where it is "".
func (q *Queries) Keys(ctx context.Context, tenant string, f db.Filter, p db.Page) ([]Key, bool, error) {
	n := db.Select(`SELECT ` + keyColumns + ` FROM keys WHERE TRUE`)
	n.By(`tenant = ?`, tenant)
	n.By(keyStatus+` = ?`, f.Status)
	n.Mentions(f.Text, `id`, `name`)
	return db.List(ctx, q.Tx, p, scanKey, n.Query, n.Args...)
}

// KeySigns returns the secrets that sign the webhooks of a key's jobs, the newest first, or
// ErrNotFound where the key was revoked. After a rotation the one before signs, too, for as long
// as the key before it is taken.
func (q *Queries) KeySigns(ctx context.Context, key string) ([][]byte, error) {
	return q.secrets(ctx, `SELECT webhook_secret, CASE WHEN old_until > {now} THEN old_webhook_secret END FROM keys
		WHERE id = $1 AND revoked IS NULL`, key)
}

// secrets reads a secret and the one before it.
func (q *Queries) secrets(ctx context.Context, query, id string) ([][]byte, error) {
	var text string
	var before *string
	if err := q.One(ctx, query, []any{id}, &text, &before); err != nil {
		return nil, fmt.Errorf("read the secrets of %s: %w", id, err)
	}
	var all [][]byte
	for _, t := range []string{text, db.Deref(before)} {
		secret, err := hex.DecodeString(t)
		if err != nil {
			return nil, fmt.Errorf("read the secrets of %s: %w", id, err)
		}
		if len(secret) > 0 {
			all = append(all, secret)
		}
	}
	return all, nil
}
