package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// crashes is how often PostgreSQL is killed directly after a 202.
const crashes = 3

// crashOnAccept sends a job and kills PostgreSQL as soon as its client has the 202. An
// immediate shutdown loses the WAL that was not flushed, as a power cut does: a job whose
// commit did not wait for the disk is lost.
func (l *lab) crashOnAccept(ctx context.Context) error {
	for i := range crashes {
		id := l.load.job(ctx, l.load.askOf("crash", i%tenants))
		err := l.postgres.restart(ctx, syscall.SIGQUIT)
		if id == "" {
			err = errors.Join(err, fmt.Errorf("no job was accepted within %s", insist))
		}
		if err != nil {
			return fmt.Errorf("kill PostgreSQL as a job is accepted: %w", err)
		}
		l.load.note(promise{job: id, crash: true})
	}
	return nil
}
