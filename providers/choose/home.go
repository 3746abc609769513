package choose

import (
	"context"
	"slices"
	"sync"
	"time"
)

// HomeAge is for how long after its last call a conversation has a home: vendors keep what
// they remember of a prompt for an hour at most.
const HomeAge = time.Hour

// maxHomes bounds the conversations that a process remembers.
const maxHomes = 16384

// Homes remember at which target a conversation is at home. An implementation that can
// not reach what the processes share goes by the memory of its own. It must return within
// some milliseconds and be safe for concurrent use.
type Homes interface {
	// Home returns where the conversation is at home, if that is among the names, and
	// else makes first its home and returns that.
	Home(ctx context.Context, conversation string, names []string, first string) string
}

// Memory holds homes for one process.
type Memory struct {
	now func() time.Time

	mu    sync.Mutex
	homes map[string]home
}

type home struct {
	name string
	used time.Time
}

// NewMemory returns a memory that holds nothing. The clock defaults to time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, homes: map[string]home{}}
}

// Home returns where the conversation is at home, as [Homes] says.
func (m *Memory) Home(_ context.Context, conversation string, names []string, first string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	h, known := m.homes[conversation]
	if !known || now.Sub(h.used) > HomeAge || !slices.Contains(names, h.name) {
		h.name = first
	}
	h.used = now
	makeRoom(m.homes, conversation, maxHomes)
	m.homes[conversation] = h
	return h.name
}
