package gate

import (
	"context"
	"errors"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"dreamlab/cmd/internal/api/token"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/flight"
)

// keyLife is how long a key that was looked up is believed: a revoked key
// stops working within it.
const keyLife = 900 * time.Millisecond

// usedEvery is how exactly the last use of a key is kept.
const usedEvery = time.Minute

// maxKeys bounds what is remembered of each sort.
const maxKeys = 4096

// keyring finds keys. It remembers for a moment, by their hash, the ones that it
// found, so that a busy client costs no look-up per request, and those that are
// none, so that repeating an invalid key does not reach the database. It compares
// no secret.
type keyring struct {
	store  *store.Store
	tokens Tokens // nil: none is taken
	now    func() time.Time
	found  *lru.Cache[string, keyUntil]
	none   *lru.Cache[string, noneUntil]
	reads  flight.Reads[string, store.Key] // by hash
}

type keyUntil struct {
	key   store.Key
	until time.Time
}

// noneUntil is what a secret or token is refused for.
type noneUntil struct {
	fault *wire.Fault
	until time.Time
}

func newKeyring(s *store.Store, tokens Tokens, now func() time.Time) *keyring {
	return &keyring{store: s, tokens: tokens, now: now, found: remembered[string, keyUntil](maxKeys),
		none: remembered[string, noneUntil](maxKeys)}
}

// remembered returns a cache whose oldest entries make room for new ones.
func remembered[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // a size above zero is always taken
	}
	return cache
}

// find returns the key of a secret, or a fault that says what is wrong.
func (k *keyring) find(ctx context.Context, secret string) (store.Key, error) {
	if secret == "" {
		return store.Key{}, unauthorized("There is no API key: send it as \"Authorization: Bearer dl-…\".")
	}
	hash := store.HashSecret(secret)
	if known, ok := k.found.Get(hash); ok && k.now().Before(known.until) {
		return known.key, nil
	}
	if refused, ok := k.none.Get(hash); ok && k.now().Before(refused.until) {
		return store.Key{}, refused.fault
	}
	return k.reads.Get(ctx, hash, func(ctx context.Context) (store.Key, error) { return k.look(ctx, hash, secret) })
}

// look finds a key in the database. The many requests of a busy client share it.
func (k *keyring) look(ctx context.Context, hash, secret string) (store.Key, error) {
	look := k.bySecret
	if k.tokens != nil && token.Is(secret) {
		look = k.byToken
	}
	key, err := look(ctx, secret)
	var fault *wire.Fault
	switch {
	case err == nil:
		k.remember(hash, key)
	case errors.As(err, &fault) && fault.Status < http.StatusInternalServerError:
		k.found.Remove(hash)
		k.none.Add(hash, noneUntil{fault, k.now().Add(keyLife)})
	}
	return key, err
}

// bySecret finds the key of a secret, or of a session of the pages.
func (k *keyring) bySecret(ctx context.Context, secret string) (store.Key, error) {
	look := k.store.KeyBySecret
	if store.IsSession(secret) {
		look = k.store.KeyBySession
	}
	key, err := look(ctx, secret)
	if errors.Is(err, db.ErrNotFound) {
		return key, unknownKey()
	}
	if err != nil || k.now().Sub(key.Used) < usedEvery {
		return key, err
	}
	return key, k.store.TouchKey(ctx, key.ID)
}

func unknownKey() *wire.Fault {
	return unauthorized("The API key is unknown, revoked or expired: make one with dreamlab key create.")
}

func unauthorized(message string) *wire.Fault {
	return &wire.Fault{Status: http.StatusUnauthorized, Code: "invalid_api_key", Message: message}
}

func (k *keyring) remember(hash string, key store.Key) {
	until := k.now().Add(keyLife)
	if !key.Expires.IsZero() && key.Expires.Before(until) {
		until = key.Expires
	}
	k.found.Add(hash, keyUntil{key: key, until: until})
}
