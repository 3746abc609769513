package main

import (
	"context"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server that says what it hears, until the test ends.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			io.Copy(conn, conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return listener.Addr().String()
}

// answers sends a word through and tells whether it came back.
func answers(t *testing.T, p *proxy) bool {
	t.Helper()
	conn, err := net.Dial("tcp", p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write([]byte("word")); err != nil {
		return false
	}
	answer := make([]byte, 4)
	_, err = io.ReadFull(conn, answer)
	return err == nil && string(answer) == "word"
}

func TestProxy(t *testing.T) {
	t.Parallel()
	p, err := openProxy(t.Context(), echo(t))
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		away bool
		lost float64
		want bool
	}{{false, 0, true}, {true, 0, false}, {false, 1, false}, {false, 0, true}}
	for i, s := range steps {
		p.set(s.away, s.lost)
		if p.gone() != s.away {
			t.Errorf("step %d: gone %v", i, p.gone())
		}
		if got := answers(t, p); got != s.want {
			t.Errorf("step %d: answered %v", i, got)
		}
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if !pause(t.Context(), time.Hour) {
			t.Error("it was not let to wait")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if pause(ctx, time.Hour) {
			t.Error("it waited past the end")
		}
	})
}

// TestSlot has a process end: another takes its place, until the slot ends.
func TestSlot(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s := &slot{make: func(die string) command {
		return command{name: "sleeper", log: t.TempDir() + "/log", args: []string{"sleep", "60"}}
	}}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.run(running) }()
	for s.child() == nil && pause(ctx, time.Millisecond) {
	}
	first := s.child()
	second, err := s.next(ctx, "claimed")
	if err != nil || second == first || !first.gone(time.Second) {
		t.Errorf("next: %v; the one before runs, or none came after it", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !second.gone(time.Second) || second.signal(syscall.SIGCONT) != nil {
		t.Error("a process outlives its slot, or minds a signal after its end")
	}
}
