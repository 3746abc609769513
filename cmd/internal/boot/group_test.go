package boot

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary notes in which order processes end.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) process(name string, err error) Process {
	return Process{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.lines = append(d.lines, name)
		return err
	}}
}

// TestGroupStopsWithinTheGrace lets the parts that work end at the same time, and
// those that support them afterwards.
func TestGroupStopsWithinTheGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		stopped := map[string]time.Duration{}
		var mu sync.Mutex
		takes := func(name string, d time.Duration) Process {
			return Process{Name: name, Run: func(own context.Context) error {
				<-own.Done()
				mu.Lock()
				stopped[name] = time.Since(began)
				mu.Unlock()
				time.Sleep(d)
				return nil
			}}
		}
		replies := takes("replies", time.Second)
		replies.Support = true
		time.AfterFunc(time.Second, cancel)
		err := Group(ctx, zerolog.Nop(), 20*time.Second, replies, takes("worker", 15*time.Second), takes("api", 12*time.Second))
		if took := time.Since(began); err != nil || took != 17*time.Second {
			t.Errorf("stopped after %s: %v", took, err)
		}
		want := map[string]time.Duration{"worker": time.Second, "api": time.Second, "replies": 16 * time.Second}
		if !maps.Equal(stopped, want) {
			t.Errorf("stopped at %v, want %v", stopped, want)
		}
	})
}

// TestGroupCutsOff does not wait for a process beyond the grace, and names it.
func TestGroupCutsOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var d diary
		stuck := Process{Name: "stuck", Run: func(context.Context) error {
			time.Sleep(time.Hour)
			return nil
		}}
		replies := d.process("replies", nil)
		replies.Support = true
		began := time.Now()
		err := Group(ctx, zerolog.Nop(), 20*time.Second, replies, stuck, d.process("api", nil))
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("stopped after %s", took)
		}
		if err == nil || !strings.Contains(err.Error(), "cut off: stuck") || strings.Contains(err.Error(), "api") {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []string{"api", "replies"}; !slices.Equal(d.lines, want) {
			t.Errorf("ended %v, want %v", d.lines, want)
		}
	})
}

func TestGroupReturnsTheFirstError(t *testing.T) {
	t.Parallel()
	var d diary
	var log bytes.Buffer
	broken := errors.New("no room")
	fails := Process{Name: "worker", Run: func(context.Context) error { return broken }}
	queue := d.process("queue", errors.New("late"))
	err := Group(t.Context(), zerolog.New(&log), defaultGrace, queue, fails, d.process("api", nil))
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "worker: ") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "late") || len(d.lines) != 2 {
		t.Errorf("ended %v, log %s", d.lines, &log)
	}
}

func TestGroupTellsOfAnEarlyEnd(t *testing.T) {
	t.Parallel()
	ends := Process{Name: "scheduler", Run: func(context.Context) error { return nil }}
	err := Group(t.Context(), zerolog.Nop(), defaultGrace, ends)
	if err == nil || !strings.Contains(err.Error(), "scheduler ended by itself") {
		t.Errorf("got %v", err)
	}
}

func TestUntil(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	returns := func(err error) Process {
		return Process{Name: "work", Run: func(context.Context) error { return err }}
	}
	waits := Process{Name: "work", Run: func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	var d diary
	stays := d.process("stays", nil)
	fails := Process{Name: "fails", Run: func(context.Context) error { return broken }}
	cases := map[string]struct {
		work, beside Process
		want         error
	}{
		"work ends well":        {returns(nil), stays, nil},
		"work fails":            {returns(broken), stays, broken},
		"another fails earlier": {waits, fails, broken},
	}
	for name, c := range cases {
		if err := Until(t.Context(), zerolog.Nop(), c.work, c.beside); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Until(ctx, zerolog.Nop(), waits, stays); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: got %v", err)
	}
}
