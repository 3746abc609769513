package e2e

import (
	"context"
	"testing"

	"dreamlab/cmd/internal/client"
)

// watch waits for a dream to end.
func (st *stack) watch(t *testing.T, dream string) client.Dream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := client.New(st.url, st.key)
	defer c.Close()
	seen, err := c.WatchDream(ctx, dream, func(client.Dream) {})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}
