// Package e2e runs the program as its users do: the built binary, as one process
// on embedded parts and as many on real servers, with other people's clients in
// front. It holds tests alone.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	root = "../../.."
	// patience bounds what a step may take on a loaded machine.
	patience = 3 * time.Minute
)

// binary is the built program, made by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "dreamlab-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "dreamlab")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	compile := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/dreamlab")
	compile.Dir = root
	if text, err := compile.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, text)
		return 1
	}
	return m.Run()
}

// screen is what a program writes, while it still writes.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	news chan struct{}
}

func newScreen() *screen { return &screen{news: make(chan struct{}, 1)} }

// Write adds to the screen.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

// String returns what was written so far.
func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// site is where commands run: a folder and an environment of its own.
type site struct {
	dir string
	env []string
}

func newSite(t *testing.T, env ...string) *site {
	t.Helper()
	base := []string{"PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	return &site{dir: t.TempDir(), env: append(base, env...)}
}

func (s *site) command(ctx context.Context, args []string) *exec.Cmd {
	name := args[0]
	if name == "dreamlab" {
		name = binary
	}
	cmd := exec.CommandContext(ctx, name, args[1:]...)
	cmd.Dir, cmd.Env = s.dir, s.env
	// Nothing outlives the tests, however they end.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// run runs a command that has to end well and returns what it printed.
func (s *site) run(t *testing.T, args ...string) string {
	t.Helper()
	return s.runWithin(t, patience, args...)
}

// runWithin is run for a command of many steps.
func (s *site) runWithin(t *testing.T, limit time.Duration, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := s.command(ctx, args)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out, &errs)
	}
	return string(out)
}

// program is a process that stays.
type program struct {
	cmd  *exec.Cmd
	out  *screen
	errs *screen
	end  sync.Once
}

// start starts a process that ends with the test.
func (s *site) start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	p := &program{cmd: s.command(ctx, args), out: newScreen(), errs: newScreen()}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		p.stop(t)
	})
	return p
}

// stop asks the process to end, which it has to do well and in time.
func (p *program) stop(t *testing.T) {
	t.Helper()
	p.end.Do(func() {
		late := time.AfterFunc(time.Minute, func() {
			if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Log(err)
			}
		})
		defer late.Stop()
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(p.cmd.Args, " "), err, p.errs)
		}
	})
}

// await returns what the pattern's group matches on the screen, once it is there.
func (p *program) await(t *testing.T, pattern string) string {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	late := time.After(patience)
	for {
		if found := wanted.FindStringSubmatch(p.out.String()); found != nil {
			return found[len(found)-1]
		}
		select {
		case <-p.out.news:
		case <-late:
			t.Fatalf("%s did not print %q:\n%s%s", p.cmd, pattern, p.out, p.errs)
		}
	}
}
