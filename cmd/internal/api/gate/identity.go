package gate

import (
	"context"
	"errors"

	"dreamlab/cmd/internal/api/token"
	"dreamlab/store"
	"dreamlab/store/db"
)

// Tokens checks tokens and says for whom they speak. token.Issuers is one.
type Tokens interface {
	// Identify fails with a fault where the token gives no rights.
	Identify(ctx context.Context, raw string) (token.Identity, error)
}

// byToken finds the key that stands for the identity of a token, made with the first one. It has the
// scopes of the token, and ends with it. The models of its issuer hold where it has none of its own.
func (k *keyring) byToken(ctx context.Context, raw string) (store.Key, error) {
	who, err := k.tokens.Identify(ctx, raw)
	if err != nil {
		return store.Key{}, err
	}
	key, err := k.store.KeyByIdentity(ctx, who.Tenant, store.Identity{Issuer: who.Issuer, Subject: who.Subject}, who.Scopes, k.now())
	if errors.Is(err, db.ErrNotFound) {
		return key, unauthorized("The key of the identity that the token speaks for was disabled or revoked here.")
	}
	if key.Expires.IsZero() || who.Expires.Before(key.Expires) {
		key.Expires = who.Expires
	}
	if len(key.Models) == 0 {
		key.Models = who.Models
	}
	return key, err
}
