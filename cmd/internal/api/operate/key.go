package operate

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
)

// Keys are the tenant's API keys.
type Keys struct {
	store *store.Store
	now   func() time.Time
}

// Bounds of a key.
const (
	maxKeyName  = 128 // bytes
	maxKeyLists = 64  // models, and networks
	maxGrace    = 30 * 24 * time.Hour
	usualGrace  = time.Hour
)

type keyView struct {
	ID         string         `json:"id"`
	Object     string         `json:"object"`
	Name       string         `json:"name"`
	Identity   *identityView  `json:"identity"` // null: the key has a secret
	Scopes     []string       `json:"scopes"`
	Models     []string       `json:"models"`
	Ranges     []netip.Prefix `json:"ip_ranges"`
	Disabled   bool           `json:"disabled"`
	CreatedAt  *int64         `json:"created_at"`
	ExpiresAt  *int64         `json:"expires_at"`
	RevokedAt  *int64         `json:"revoked_at"`
	LastUsedAt *int64         `json:"last_used_at"`
	// Key is the secret, shown once.
	Key string `json:"key,omitempty"`
}

// identityView is whose tokens are taken in the place of a secret.
type identityView struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

func viewKey(k store.Key) keyView {
	var identity *identityView
	if !k.Identity.IsZero() {
		identity = &identityView{k.Identity.Issuer, k.Identity.Subject}
	}
	return keyView{
		ID: k.ID, Object: "key", Name: k.Name, Identity: identity, Scopes: wire.Some(k.Scopes), Models: wire.Some(k.Models),
		Ranges: wire.Some(k.Networks), Disabled: !k.Disabled.IsZero(), CreatedAt: wire.Seconds(k.Created),
		ExpiresAt: wire.Seconds(k.Expires), RevokedAt: wire.Seconds(k.Revoked), LastUsedAt: wire.Seconds(k.Used),
	}
}

// keyBody is what a client says of a key. What it leaves out stays as it is.
type keyBody struct {
	Name      *string   `json:"name"`
	Scopes    *[]string `json:"scopes"`
	Models    *[]string `json:"models"`
	Ranges    *[]string `json:"ip_ranges"`
	ExpiresAt *int64    `json:"expires_at"` // unix seconds; 0: never
	Disabled  *bool     `json:"disabled"`
}

// apply changes a key as the body says.
func (b keyBody) apply(k *store.Key, now time.Time) error {
	for _, set := range []func(*store.Key, time.Time) error{b.name, b.scopes, b.models, b.ranges, b.times} {
		if err := set(k, now); err != nil {
			return err
		}
	}
	return nil
}

func (b keyBody) name(k *store.Key, _ time.Time) error {
	if b.Name == nil {
		return nil
	}
	if len(*b.Name) > maxKeyName || strings.ContainsFunc(*b.Name, unicode.IsControl) {
		return wire.Invalid("name", "name has at most %d bytes of plain text.", maxKeyName)
	}
	k.Name = *b.Name
	return nil
}

func (b keyBody) scopes(k *store.Key, _ time.Time) error {
	if b.Scopes == nil {
		return nil
	}
	if !k.Identity.IsZero() {
		return wire.Invalid("scopes", "The scopes of an identity come with its tokens: change them at the issuer, or under oidc.scopes.")
	}
	for _, scope := range *b.Scopes {
		if err := wire.OneOf("scopes", scope, store.Scopes()...); err != nil || scope == "" {
			return wire.Invalid("scopes", "scopes is a list of %s.", strings.Join(store.Scopes(), ", "))
		}
	}
	if len(*b.Scopes) == 0 {
		return wire.Invalid("scopes", "scopes names at least one of %s.", strings.Join(store.Scopes(), ", "))
	}
	k.Scopes = slices.Compact(slices.Sorted(slices.Values(*b.Scopes)))
	return nil
}

func (b keyBody) models(k *store.Key, _ time.Time) error {
	if b.Models == nil {
		return nil
	}
	if len(*b.Models) > maxKeyLists {
		return wire.Invalid("models", "models has at most %d names.", maxKeyLists)
	}
	for _, name := range *b.Models {
		if name == "" || len(name) > 256 || strings.ContainsFunc(name, unicode.IsSpace) {
			return wire.Invalid("models", "models names aliases and provider/model; a * at the end stands for any rest.")
		}
	}
	k.Models = *b.Models
	return nil
}

func (b keyBody) ranges(k *store.Key, _ time.Time) error {
	if b.Ranges == nil {
		return nil
	}
	if len(*b.Ranges) > maxKeyLists {
		return wire.Invalid("ip_ranges", "ip_ranges has at most %d ranges.", maxKeyLists)
	}
	k.Networks = nil
	for _, text := range *b.Ranges {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return wire.Invalid("ip_ranges", "%.60q is no range: write it as 10.0.0.0/8 or 2001:db8::/32.", text)
		}
		k.Networks = append(k.Networks, p.Masked())
	}
	return nil
}

func (b keyBody) times(k *store.Key, now time.Time) error {
	if at := b.ExpiresAt; at != nil {
		k.Expires = time.Time{}
		if *at != 0 {
			k.Expires = time.Unix(*at, 0).UTC()
		}
		if *at < 0 || *at != 0 && !k.Expires.After(now) {
			return wire.Invalid("expires_at", "expires_at is unix seconds and in the future; 0 is never.")
		}
	}
	switch off := b.Disabled; {
	case off == nil:
	case *off && k.Disabled.IsZero():
		k.Disabled = now.UTC()
	case !*off:
		k.Disabled = time.Time{}
	}
	return nil
}

// Create makes a key and shows its secret, this once.
func (h Keys) Create(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.ObjectBody(c)
	if err != nil {
		return err
	}
	var b keyBody
	if err := wire.Decode(body, &b); err != nil {
		return err
	}
	k := store.Key{Tenant: c.Tenant, Scopes: []string{store.ScopeUse}}
	if err := b.apply(&k, h.now()); err != nil {
		return err
	}
	secret := store.NewSecret()
	if c.Once != "" {
		k.ID = "key_" + c.Once
	}
	made, err := h.store.CreateKey(c.Context(), k, secret)
	if errors.Is(err, db.ErrConflict) && c.Once != "" { // made by a process that died before it could tell
		made, err = h.remake(c, k.ID, secret)
	}
	if err != nil {
		return err
	}
	view := viewKey(made)
	view.Key = secret
	return wire.WriteJSON(w, http.StatusOK, view)
}

// remake gives a key whose secret nobody was told another one.
func (h Keys) remake(c *wire.Call, id, secret string) (store.Key, error) {
	if err := h.store.RotateKey(c.Context(), id, secret, 0); err != nil {
		return store.Key{}, err
	}
	return h.store.Key(c.Context(), c.Tenant, id)
}

// List shows the tenant's keys.
func (h Keys) List(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "key_", gate.Known(h.store.Key), "active", "disabled", "expired", "revoked")
	if err != nil {
		return err
	}
	rows, more, err := h.store.Keys(c.Context(), c.Tenant, f, page)
	if err != nil {
		return err
	}
	return wire.WriteList(w, rows, more, viewKey, func(v keyView) string { return v.ID })
}

// Get shows a key.
func (h Keys) Get(w http.ResponseWriter, c *wire.Call) error {
	k, err := h.find(c)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, viewKey(k))
}

func (h Keys) find(c *wire.Call) (store.Key, error) {
	k, err := h.store.Key(c.Context(), c.Tenant, c.PathValue("id"))
	return k, gate.OrMissing(err, "key")
}

// Patch changes a key; what is left out stays as it is.
func (h Keys) Patch(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	var b keyBody
	if err := wire.Decode(body, &b); err != nil {
		return err
	}
	k, err := h.find(c)
	if err != nil {
		return err
	}
	if err := b.apply(&k, h.now()); err != nil {
		return err
	}
	if err := h.store.SetKey(c.Context(), k); err != nil {
		return gate.OrMissing(err, "key that holds")
	}
	return wire.WriteJSON(w, http.StatusOK, viewKey(k))
}

// Delete revokes a key. Its row stays: jobs and entries name it.
func (h Keys) Delete(w http.ResponseWriter, c *wire.Call) error {
	k, err := h.find(c)
	if err != nil {
		return err
	}
	if err := h.store.RevokeKey(c.Context(), k.ID); err != nil {
		return gate.OrMissing(err, "key that holds")
	}
	return wire.WriteJSON(w, http.StatusOK, map[string]any{"id": k.ID, "object": "key", "deleted": true})
}

// Rotate gives a key another secret. Both are taken for the grace, an hour without it, and the
// webhooks of its jobs are signed with both for as long.
func (h Keys) Rotate(w http.ResponseWriter, c *wire.Call) error {
	grace, err := graceOf(c, usualGrace)
	if err != nil {
		return err
	}
	k, err := h.find(c)
	if err != nil {
		return err
	}
	if !k.Identity.IsZero() {
		return wire.Invalid("", "This key stands for an identity, whose issuer gives its tokens: there is no secret to rotate.")
	}
	secret := store.NewSecret()
	if err := h.store.RotateKey(c.Context(), k.ID, secret, grace); err != nil {
		return gate.OrMissing(err, "key that holds")
	}
	view := viewKey(k)
	view.Key = secret
	return wire.WriteJSON(w, http.StatusOK, view)
}

// graceOf reads how long a secret that is rotated still holds.
func graceOf(c *wire.Call, usual time.Duration) (time.Duration, error) {
	body, err := wire.ObjectBody(c)
	if err != nil {
		return 0, err
	}
	var b struct {
		Grace *int64 `json:"grace"` // seconds
	}
	if err := wire.Decode(body, &b); err != nil || b.Grace == nil {
		return usual, err
	}
	if *b.Grace < 0 || *b.Grace > int64(maxGrace/time.Second) {
		return 0, wire.Invalid("grace", "grace is seconds, at most %d.", int64(maxGrace/time.Second))
	}
	return time.Duration(*b.Grace) * time.Second, nil
}
