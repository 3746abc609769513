package store

import (
	"context"
	"strings"
	"time"

	"dreamlab/store/db"
)

// sessionPrefix begins the secrets of sessions, which are no keys.
const sessionPrefix = "dls-"

// IsSession tells the secret of a session from that of a key.
func IsSession(secret string) bool { return strings.HasPrefix(secret, sessionPrefix) }

// The kinds of rows in sessions: a browser that is signed in, and what signs one in once.
const (
	kindSession = "session"
	kindTicket  = "ticket"
)

// NewSession returns the secret of a session of a key, which ends after its life or with its key.
// Sessions that have ended are removed.
func (q *Queries) NewSession(ctx context.Context, key string, life time.Duration) (secret string, err error) {
	if _, err := q.Exec(ctx, `DELETE FROM sessions WHERE expires < {now}`); err != nil {
		return "", err
	}
	return addSession(ctx, q, key, kindSession, life)
}

// NewTicket returns a secret that signs a browser in, once, within its life.
func (q *Queries) NewTicket(ctx context.Context, key string, life time.Duration) (secret string, err error) {
	return addSession(ctx, q, key, kindTicket, life)
}

func addSession(ctx context.Context, q *Queries, key, kind string, life time.Duration) (string, error) {
	secret := sessionPrefix + db.Random(20)
	_, err := q.Exec(ctx, `INSERT INTO sessions (hash, key_id, kind, expires) VALUES ($1, $2, $3, {now} + $4)`,
		HashSecret(secret), key, kind, life.Microseconds())
	return secret, err
}

// TakeTicket uses a ticket up and returns the id of its key, or fails with ErrNotFound where it was
// used before or has run out.
func (q *Queries) TakeTicket(ctx context.Context, secret string) (key string, err error) {
	err = q.One(ctx, `DELETE FROM sessions WHERE hash = $1 AND kind = $2 AND expires > {now} RETURNING key_id`,
		[]any{HashSecret(secret), kindTicket}, &key)
	return key, err
}

// KeyBySession finds the key of a session, both in force.
func (q *Queries) KeyBySession(ctx context.Context, secret string) (Key, error) {
	return db.Read(ctx, q.Tx, scanKey, `SELECT `+keyColumns+` FROM keys
		WHERE id = (SELECT key_id FROM sessions WHERE hash = $1 AND kind = $2 AND expires > {now})
			AND revoked IS NULL AND disabled IS NULL AND (expires IS NULL OR expires > {now})`,
		HashSecret(secret), kindSession)
}

// EndSession ends a session. It is harmless where there is none.
func (q *Queries) EndSession(ctx context.Context, secret string) error {
	_, err := q.Exec(ctx, `DELETE FROM sessions WHERE hash = $1`, HashSecret(secret))
	return err
}
