package cache

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/store/db"
	"dreamlab/tasks"
)

// memory is a store of one process, whose lease another may hold.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
	held   time.Time // until when another process has the lease
	mine   bool
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, there := m.values[key]; there {
		return v, nil
	}
	return nil, db.ErrNotFound
}

func (m *memory) Put(_ context.Context, key, _ string, v []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[key] = v
	return true, nil
}

func (m *memory) Lead(_ context.Context, key, _ string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, there := m.values[key]; there || m.mine || time.Now().Before(m.held) {
		return v, false, nil
	}
	m.mine = true
	return nil, true, nil
}

func (m *memory) Renew(context.Context, string, string) error { return nil }

func (m *memory) Release(context.Context, string, string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mine = false
	return nil
}

func question(t *testing.T) Question {
	t.Helper()
	r, err := tasks.ParseChat([]byte(`{"model":"m","temperature":0,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return Question{Tenant: "ten_1", Request: r, Header: http.Header{}}
}

func enter(t *testing.T, c *Cache, want State) *Slot {
	t.Helper()
	s, err := c.Enter(t.Context(), question(t))
	if err != nil || s.State != want {
		t.Fatalf("entered: %+v, %v, want %s", s, err, want)
	}
	return s
}

const answered = `{"choices":[{"finish_reason":"stop"}],"dreamlab":{"job":"job_1","cost_usd":0.000000007}}`

// TestLeaderWhoseClientLeft passes the question on to one of those that wait.
func TestLeaderWhoseClientLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Store: &memory{values: map[string][]byte{}}})
		ctx, leave := context.WithCancel(t.Context())
		first, err := c.Enter(ctx, question(t))
		if err != nil || !first.Wanted() {
			t.Fatal(first, err)
		}
		states := make(chan State, 3)
		for range 3 {
			go func() {
				s, err := c.Enter(t.Context(), question(t))
				if err != nil {
					t.Error(err)
				}
				states <- s.State
				s.Keep(t.Context(), "job_1", []byte(answered))
				s.Leave(t.Context())
			}()
		}
		synctest.Wait()
		leave()
		first.Leave(ctx)
		seen := map[State]int{}
		for range 3 {
			seen[<-states]++
		}
		if seen[Miss] != 1 || seen[Hit] != 2 {
			t.Errorf("after the first left: %v, want one miss and two hits", seen)
		}
	})
}

// TestLeaderWithoutAnswer lets those that wait ask by themselves.
func TestLeaderWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Store: &memory{values: map[string][]byte{}}})
		first := enter(t, c, Miss)
		states := make(chan State)
		go func() {
			s, err := c.Enter(t.Context(), question(t))
			if err != nil {
				t.Error(err)
			}
			s.Leave(t.Context())
			states <- s.State
		}()
		synctest.Wait()
		first.Keep(t.Context(), "job_1", []byte(strings.Replace(answered, "stop", "length", 1)))
		first.Leave(t.Context())
		first.Leave(t.Context())
		if state := <-states; state != Miss {
			t.Errorf("the other is told %s", state)
		}
	})
}

// TestDeadLeader waits for a process that died until its lease ends, and for one that
// takes too long as long as is allowed.
func TestDeadLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		m := &memory{values: map[string][]byte{}, held: began.Add(9 * time.Second)}
		c := New(Options{Store: m, Wait: time.Minute})
		enter(t, c, Miss).Leave(t.Context())
		if took := time.Since(began); took < 9*time.Second || took > 10*time.Second {
			t.Errorf("it waited for %s", took)
		}
		m.held = began.Add(time.Hour)
		began = time.Now()
		enter(t, c, Miss).Leave(t.Context())
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it waited for %s, want a minute", took)
		}
	})
}

// TestClientLeavesWhileWaiting ends its wait.
func TestClientLeavesWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Store: &memory{values: map[string][]byte{}, held: time.Now().Add(time.Hour)}})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, context.Canceled)
		defer cancel()
		if s, err := c.Enter(ctx, question(t)); !errors.Is(err, context.Canceled) {
			t.Errorf("it got %+v, %v", s, err)
		}
	})
}

// TestAge holds an answer to the oldest that a client takes.
func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Store: &memory{values: map[string][]byte{}}})
		s := enter(t, c, Miss)
		s.Keep(t.Context(), "job_1", []byte(answered))
		time.Sleep(30 * time.Second)
		for age, want := range map[string]State{"max-age=60": Hit, "max-age=29": Miss, "": Hit} {
			q := question(t)
			q.Header.Set("Cache-Control", age)
			if s, err := c.Enter(t.Context(), q); err != nil || s.State != want {
				t.Errorf("%s: %+v, %v, want %s", age, s, err, want)
			}
		}
		if hit := enter(t, c, Hit); hit.Age != 30*time.Second || hit.saved != 7 {
			t.Errorf("age %s, saved %d", hit.Age, hit.saved)
		}
	})
}
