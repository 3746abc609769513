package db

import (
	"context"
	"fmt"
	"sync"
)

// secrets are those of a database that have been read. They never change.
type secrets struct {
	mu    sync.Mutex
	known map[string]string
}

// Secret returns a random text that only this installation knows. The schema makes it, once.
func (q *Tx) Secret(ctx context.Context, name string) (string, error) {
	q.secrets.mu.Lock()
	value, ok := q.secrets.known[name]
	q.secrets.mu.Unlock()
	if ok {
		return value, nil
	}
	if err := q.One(ctx, `SELECT value FROM secrets WHERE name = $1`, []any{name}, &value); err != nil {
		return "", fmt.Errorf("read the secret %s: %w", name, err)
	}
	q.secrets.mu.Lock()
	defer q.secrets.mu.Unlock()
	q.secrets.known[name] = value
	return value, nil
}
