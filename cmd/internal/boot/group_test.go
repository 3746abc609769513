package boot

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

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
	return Process{name, func(ctx context.Context) error {
		<-ctx.Done()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.lines = append(d.lines, name)
		return err
	}}
}

func TestGroupStopsInReverseOrder(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var d diary
	up := Process{"up", func(own context.Context) error {
		cancel()
		<-own.Done()
		return nil
	}}
	queue, worker := d.process("queue", nil), d.process("worker", nil)
	err := Group(ctx, zerolog.Nop(), queue, worker, up, d.process("api", nil))
	if err != nil {
		t.Error(err)
	}
	if want := []string{"api", "worker", "queue"}; !slices.Equal(d.lines, want) {
		t.Errorf("ended %v, want %v", d.lines, want)
	}
}

func TestGroupReturnsTheFirstError(t *testing.T) {
	t.Parallel()
	var d diary
	var log bytes.Buffer
	broken := errors.New("no room")
	fails := Process{"worker", func(context.Context) error { return broken }}
	queue := d.process("queue", errors.New("late"))
	err := Group(t.Context(), zerolog.New(&log), queue, fails, d.process("api", nil))
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "worker: ") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "late") || len(d.lines) != 2 {
		t.Errorf("ended %v, log %s", d.lines, &log)
	}
}

func TestGroupTellsOfAnEarlyEnd(t *testing.T) {
	t.Parallel()
	ends := Process{"scheduler", func(context.Context) error { return nil }}
	err := Group(t.Context(), zerolog.Nop(), ends)
	if err == nil || !strings.Contains(err.Error(), "scheduler ended by itself") {
		t.Errorf("got %v", err)
	}
}

func TestUntil(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	returns := func(err error) Process {
		return Process{"work", func(context.Context) error { return err }}
	}
	waits := Process{"work", func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	var d diary
	stays := d.process("stays", nil)
	fails := Process{"fails", func(context.Context) error { return broken }}
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
