package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/tasks"
)

func killOne(verb string, how syscall.Signal) injecting {
	return func(l *lab, _ context.Context, r *rand.Rand) error {
		return pick(l.slots(verb), r).child().end(how, stopPatience)
	}
}

func pick(slots []*slot, r *rand.Rand) *slot { return slots[r.IntN(len(slots))] }

// freeze stops a process, as a long pause of its machine would, and continues it later.
func freeze(verb string) injecting {
	return func(l *lab, ctx context.Context, r *rand.Rand) error {
		c := pick(l.slots(verb), r).child()
		if err := c.signal(syscall.SIGSTOP); err != nil {
			return err
		}
		pause(ctx, tasks.Chat.Lease()+2*time.Second)
		return c.signal(syscall.SIGCONT)
	}
}

func rollWorkers(l *lab, ctx context.Context, _ *rand.Rand) error {
	for _, s := range l.slots("worker") {
		if err := s.child().end(syscall.SIGTERM, stopPatience); err != nil {
			return err
		}
		pause(ctx, time.Second)
	}
	return nil
}

const (
	// deathWait bounds the wait until a job reaches a named point.
	deathWait = 10 * time.Second
	// errandWait is the same for work whose file has to be uploaded first.
	errandWait = 20 * time.Second
)

// dieAt makes a worker die at a named point of its work. If no job reaches that point in time
// the worker is killed anyway.
func dieAt(point string) injecting {
	return func(l *lab, ctx context.Context, r *rand.Rand) error {
		c, err := pick(l.slots("worker"), r).next(ctx, point)
		if err != nil || l.loses(ctx, deathWait, c) {
			return err
		}
		return errors.Join(errMissed, c.end(syscall.SIGKILL, stopPatience))
	}
}

// dieDoing asks for work of a kind, and makes the worker that does it die after a point.
func dieDoing(kind, point string) injecting {
	return dieAfter(func(l *lab, ctx context.Context, _ *rand.Rand) error {
		l.load.errand(ctx, kind)
		return nil
	}, point)
}

// dieAfter asks for work, and makes the worker that does it die after a point. The workers that did not
// take it are replaced.
func dieAfter(asking injecting, point string) injecting {
	return func(l *lab, ctx context.Context, r *rand.Rand) error {
		workers := l.slots("worker")
		armed := make([]*child, len(workers))
		err := together(len(workers), func(i int) (err error) {
			armed[i], err = workers[i].next(ctx, point)
			return err
		})
		if err != nil {
			return err
		}
		if err = asking(l, ctx, r); err == nil && !l.loses(ctx, errandWait, armed...) {
			err = errMissed
		}
		return errors.Join(err, together(len(armed), func(i int) error {
			return armed[i].end(syscall.SIGTERM, stopPatience)
		}))
	}
}

// loses waits until one of some processes has ended. The time in which a server is away does
// not count.
func (l *lab) loses(ctx context.Context, patience time.Duration, some ...*child) bool {
	const step = 200 * time.Millisecond
	for left := patience; left > 0 && ctx.Err() == nil; {
		for _, c := range some {
			if c.gone(step / time.Duration(len(some))) {
				return true
			}
		}
		if !l.redis.proxy.gone() && !l.postgres.proxy.gone() {
			left -= step
		}
	}
	return false
}

// flush wipes Redis while it runs.
func flush(l *lab, ctx context.Context, _ *rand.Rand) error {
	o, err := redis.ParseURL(l.redis.url)
	if err != nil {
		return err
	}
	client := redis.NewClient(o)
	return errors.Join(client.FlushAll(ctx).Err(), client.Close())
}

func restart(which func(*lab) *server, how syscall.Signal) injecting {
	return func(l *lab, ctx context.Context, _ *rand.Rand) error { return which(l).restart(ctx, how) }
}

func leave(which func(*lab) *server, d time.Duration) injecting {
	return func(l *lab, ctx context.Context, _ *rand.Rand) error {
		which(l).proxy.leave(ctx, d)
		return nil
	}
}

func loseAnswers(which func(*lab) *server, share float64) injecting {
	return func(l *lab, ctx context.Context, _ *rand.Rand) error {
		which(l).proxy.lose(ctx, share, 4*time.Second)
		return nil
	}
}

// pastLeases moves the shared clock past every lease that is held.
func pastLeases(l *lab, ctx context.Context, _ *rand.Rand) error {
	return l.moveClock(ctx, tasks.Dream.Lease()+5*time.Second)
}

// onChats adds faults of the next chats to the vendors' script; more are further fields of the
// fault.
func onChats(kind string, times int, more string) injecting {
	script := fmt.Sprintf(`{"vendor":"*","route":"chat/completions","fault":%q,"times":%d%s}`, kind, times, more)
	return func(l *lab, ctx context.Context, _ *rand.Rand) error { return l.script(ctx, script) }
}

// onTraining does the same for trainings and endpoints, and requests a training.
func onTraining(script ...string) injecting { return onErrand("train", script...) }

// onBatch does the same for batches.
func onBatch(script ...string) injecting { return onErrand("batch", script...) }

func onErrand(kind string, script ...string) injecting {
	return func(l *lab, ctx context.Context, _ *rand.Rand) error {
		if err := l.script(ctx, script...); err != nil {
			return err
		}
		l.load.errand(ctx, kind)
		return nil
	}
}
