package gate

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
)

// keyLife is how long a key that was looked up is believed: a revoked key
// stops working within it.
const keyLife = 2 * time.Second

// mostKeys bounds what is remembered.
const mostKeys = 4096

// keyring finds keys. It remembers found ones for a moment by their hash, so
// that a busy client costs no look-up per request, and compares no secret.
type keyring struct {
	store *store.Store
	now   func() time.Time

	mu    sync.Mutex
	known map[string]keyUntil
}

type keyUntil struct {
	key   store.Key
	until time.Time
}

func newKeyring(s *store.Store, now func() time.Time) *keyring {
	return &keyring{store: s, now: now, known: map[string]keyUntil{}}
}

// find returns the key of a secret, or a fault that says what is wrong.
func (k *keyring) find(ctx context.Context, secret string) (store.Key, error) {
	if secret == "" {
		return store.Key{}, unauthorized("There is no API key: send it as \"Authorization: Bearer dl-…\".")
	}
	hash := store.HashSecret(secret)
	if key, ok := k.recall(hash); ok {
		return key, nil
	}
	key, err := k.store.KeyBySecret(ctx, secret)
	if errors.Is(err, store.ErrNotFound) {
		return key, unauthorized("The API key is unknown, revoked or expired: make one with dreamlab key create.")
	}
	if err != nil {
		return key, err
	}
	k.remember(hash, key)
	return key, nil
}

func unauthorized(message string) *wire.Fault {
	return &wire.Fault{Status: http.StatusUnauthorized, Code: "invalid_api_key", Message: message}
}

func (k *keyring) recall(hash string) (store.Key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, ok := k.known[hash]
	return found.key, ok && k.now().Before(found.until)
}

func (k *keyring) remember(hash string, key store.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= mostKeys {
		clear(k.known) // they are looked up again
	}
	until := k.now().Add(keyLife)
	if !key.Expires.IsZero() && key.Expires.Before(until) {
		until = key.Expires
	}
	k.known[hash] = keyUntil{key: key, until: until}
}
