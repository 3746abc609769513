package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// child is a process that this program started. No other process is ever signalled.
type child struct {
	name   string
	cmd    *exec.Cmd
	ended  chan struct{}
	status error // exit status; read it after ended is closed
}

// command describes a process to start.
type command struct {
	name string
	log  string // the file to which its output is appended
	env  []string
	as   *syscall.Credential // nil: the user of this program
	args []string
}

func start(c command) (_ *child, err error) {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	defer func() { err = errors.Join(err, log.Close()) }() // the child has its own
	cmd := exec.Command(c.args[0], c.args[1:]...)          //nolint:noctx // signals end it, and each is a fault of its own
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), c.env...), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: c.as}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	started := &child{name: c.name, cmd: cmd, ended: make(chan struct{})}
	go func() {
		started.status = cmd.Wait()
		close(started.ended)
	}()
	return started, nil
}

// signal sends a signal. A process that has ended is left alone.
func (c *child) signal(s syscall.Signal) error {
	err := c.cmd.Process.Signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// end sends a signal and waits for the exit, after a while with SIGKILL.
func (c *child) end(s syscall.Signal, patience time.Duration) error {
	if err := c.signal(s); err != nil {
		return fmt.Errorf("end %s: %w", c.name, err)
	}
	if c.gone(patience) {
		return nil
	}
	if err := c.signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("end %s: %w", c.name, err)
	}
	<-c.ended
	return nil
}

// gone waits for the exit, for a bounded time.
func (c *child) gone(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-c.ended:
		return true
	case <-timer.C:
		return false
	}
}
