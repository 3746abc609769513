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
	mu      sync.Mutex
	values  map[string][]byte
	held    time.Time // until when another process has the lease
	mine    bool
	claimed map[string]bool
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

func (m *memory) Claim(_ context.Context, key, _ string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.claimed[key] {
		return false, nil
	}
	if m.claimed == nil {
		m.claimed = map[string]bool{}
	}
	m.claimed[key] = true
	return true, nil
}

func (m *memory) Renew(context.Context, string, string) error { return nil }

func (m *memory) Release(_ context.Context, key, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.claimed[key] {
		delete(m.claimed, key)
		return nil
	}
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

// enterAt enters with a Cache-Control.
func enterAt(t *testing.T, c *Cache, control string, want State) *Slot {
	t.Helper()
	q := question(t)
	q.Header.Set("Cache-Control", control)
	s, err := c.Enter(t.Context(), q)
	if err != nil || s.State != want {
		t.Fatalf("%s: %+v, %v, want %s", control, s, err, want)
	}
	return s
}

// TestStale gives an answer that is fresh no more within the window that the operator or the
// client gives, and no longer.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Store: &memory{values: map[string][]byte{}}, TTL: time.Minute, Stale: 30 * time.Second})
		enter(t, c, Miss).Keep(t.Context(), "job_1", []byte(answered))
		time.Sleep(time.Minute)
		enter(t, c, Hit)
		time.Sleep(10 * time.Second)
		for control, want := range map[string]State{
			"": Stale, "max-age=69": Miss, "max-age=20, stale-while-revalidate=50": Stale,
			"stale-while-revalidate=50, max-age=20": Stale, "max-age=20, stale-while-revalidate=49": Miss,
			"stale-while-revalidate=9": Miss, "stale-while-revalidate=0": Miss, "stale-while-revalidate=x": Stale,
			"max-age=0, stale-while-revalidate=70": Stale, "max-age=0, stale-while-revalidate=69": Miss,
			"max-age=0": Miss, "max-age=3600": Stale, "only-if-cached": Stale, "no-cache": Miss,
		} {
			enterAt(t, c, control, want)
		}
		time.Sleep(20 * time.Second)
		enter(t, c, Stale)
		time.Sleep(time.Millisecond)
		enter(t, c, Miss)
	})
}

// TestRefresh has one of all who get a stale answer ask it anew; the others get the stale one,
// and after it the new one.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{values: map[string][]byte{}}
		here, there := New(Options{Store: m, TTL: time.Minute, Stale: time.Hour}), New(Options{Store: m, TTL: time.Minute, Stale: time.Hour})
		enter(t, here, Miss).Keep(t.Context(), "job_1", []byte(answered))
		time.Sleep(2 * time.Minute)
		first, late := enter(t, here, Stale), enter(t, there, Stale)
		if only := enterAt(t, here, "only-if-cached", Stale); only.Refresh(t.Context()) != nil {
			t.Error("who wants nothing asked refreshes")
		}
		fresh := first.Refresh(t.Context())
		if fresh == nil || !fresh.Wanted() {
			t.Fatalf("the first is to ask, and has %+v", fresh)
		}
		for _, c := range []*Cache{here, there} {
			if enter(t, c, Stale).Refresh(t.Context()) != nil {
				t.Error("a second one asks")
			}
		}
		fresh.Keep(t.Context(), "job_2", []byte(strings.Replace(answered, "job_1", "job_2", 1)))
		fresh.GiveUp(t.Context())
		if got := enter(t, there, Hit); !strings.Contains(string(got.Body), "job_2") {
			t.Errorf("after it: %s", got.Body)
		}
		if late.Refresh(t.Context()) != nil {
			t.Error("one that was stale before asks again")
		}
	})
}

// TestRefreshThatFails leaves its lease to end, so that not each stale answer asks again.
func TestRefreshThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{values: map[string][]byte{}}
		c := New(Options{Store: m, TTL: time.Minute, Stale: time.Hour})
		enter(t, c, Miss).Keep(t.Context(), "job_1", []byte(answered))
		time.Sleep(2 * time.Minute)
		fresh := enter(t, c, Stale).Refresh(t.Context())
		fresh.Keep(t.Context(), "job_2", []byte(strings.Replace(answered, "stop", "length", 1)))
		fresh.GiveUp(t.Context())
		if enter(t, c, Stale).Refresh(t.Context()) != nil {
			t.Error("it is asked again at once")
		}
		if len(m.claimed) != 1 {
			t.Errorf("%v are claimed", m.claimed)
		}
	})
}
