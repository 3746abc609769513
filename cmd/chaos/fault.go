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

// fault is one way in which the world goes wrong.
type fault struct {
	name string
	do   func(l *lab, ctx context.Context, r *rand.Rand) error
}

// outage is how long a server is away: past the lease of a chat.
const outage = 20 * time.Second

// faults are all that are injected.
func faults() []fault {
	list := []fault{
		{"kill -9 a worker", killOne("worker", syscall.SIGKILL)},
		{"kill -9 an api", killOne("api", syscall.SIGKILL)},
		{"kill -9 a scheduler", killOne("scheduler", syscall.SIGKILL)},
		{"freeze a worker past its leases", freeze},
		{"rolling restart of the workers", rollWorkers},
		{"restart of an api under load", killOne("api", syscall.SIGTERM)},
		{"Redis: FLUSHALL", flush},
		{"Redis: restart that forgets", restartRedis},
		{"Redis: away", away(func(l *lab) *server { return l.redis }, outage/2)},
		{"Redis: carried out, answers lost", loseAnswers(func(l *lab) *server { return l.redis }, 0.03)},
		{"PostgreSQL: crash and restart", restartPostgres},
		{"PostgreSQL: away past the leases", away(func(l *lab) *server { return l.postgres }, outage)},
		{"PostgreSQL: carried out, answers lost", loseAnswers(func(l *lab) *server { return l.postgres }, 0.02)},
		{"clock moved ahead past all leases", moveClock},
		{"vendor: answers lost after the bill", vendorFault("drop_after", 4, "")},
		{"vendor: connections cut", vendorFault("drop", 4, "")},
		{"vendor: 503", vendorFault("status", 4, `,"status":503`)},
		{"vendor: 429", vendorFault("rate_limit", 4, `,"retry_after":1`)},
		{"vendor: slow answers", vendorFault("delay", 8, `,"ms":4000`)},
		{"vendor: streams cut", vendorFault("truncate", 4, `,"chunks":2`)},
		{"vendor: garbage", vendorFault("garbage", 3, "")},
	}
	for _, point := range []string{"claimed", "intent", "answered", "committing", "committed"} {
		list = append(list, fault{"die at: " + point, dieAt(point)})
	}
	return list
}

// injectors is how many faults are under way at once.
const injectors = 2

// injectAll plays the faults in orders that the seed gives, until ctx ends;
// each injector plays all before it plays one again.
func (l *lab) injectAll(ctx context.Context, o options, played *tally) error {
	return together(injectors, func(i int) error {
		r := rand.New(rand.NewPCG(o.seed, uint64(i)))
		for {
			list := faults()
			r.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
			for _, f := range list {
				if !pause(ctx, time.Duration(200+r.IntN(1800))*time.Millisecond) {
					return nil
				}
				if err := f.do(l, ctx, r); err != nil && ctx.Err() == nil {
					return fmt.Errorf("inject %q: %w", f.name, err)
				}
				played.add(f.name)
			}
		}
	})
}

type injecting func(l *lab, ctx context.Context, r *rand.Rand) error

func killOne(verb string, how syscall.Signal) injecting {
	return func(l *lab, _ context.Context, r *rand.Rand) error {
		return pick(l.slots(verb), r).child().end(how, stopPatience)
	}
}

func pick(slots []*slot, r *rand.Rand) *slot { return slots[r.IntN(len(slots))] }

// freeze stops a worker as a long pause of its machine would, and lets it wake
// up in the belief that nothing has happened.
func freeze(l *lab, ctx context.Context, r *rand.Rand) error {
	c := pick(l.slots("worker"), r).child()
	if err := c.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	pause(ctx, tasks.Chat.Lease()+2*time.Second)
	return c.signal(syscall.SIGCONT)
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

// dieAt has a worker die at a named point of its work; where no work comes by
// in time it is killed anywhere.
func dieAt(point string) injecting {
	return func(l *lab, ctx context.Context, r *rand.Rand) error {
		c, err := pick(l.slots("worker"), r).next(ctx, point)
		if err != nil || c.gone(10*time.Second) {
			return err
		}
		return c.end(syscall.SIGKILL, stopPatience)
	}
}

// flush wipes Redis as it runs.
func flush(l *lab, ctx context.Context, _ *rand.Rand) error {
	l.redis.hold.Lock()
	defer l.redis.hold.Unlock()
	o, err := redis.ParseURL(l.redis.url)
	if err != nil {
		return err
	}
	client := redis.NewClient(o)
	return errors.Join(client.FlushAll(ctx).Err(), client.Close())
}

func restartRedis(l *lab, ctx context.Context, _ *rand.Rand) error {
	l.redis.hold.Lock()
	defer l.redis.hold.Unlock()
	return l.redis.restart(ctx, syscall.SIGKILL)
}

// restartPostgres ends the server without a checkpoint: commits that were not
// synced are gone.
func restartPostgres(l *lab, ctx context.Context, _ *rand.Rand) error {
	l.postgres.hold.Lock()
	defer l.postgres.hold.Unlock()
	return l.postgres.restart(ctx, syscall.SIGQUIT)
}

func away(which func(*lab) *server, d time.Duration) injecting {
	return func(l *lab, ctx context.Context, _ *rand.Rand) error {
		s := which(l)
		s.hold.Lock()
		defer s.hold.Unlock()
		s.proxy.leave(ctx, d)
		return nil
	}
}

func loseAnswers(which func(*lab) *server, share float64) injecting {
	return func(l *lab, ctx context.Context, _ *rand.Rand) error {
		s := which(l)
		s.hold.Lock()
		defer s.hold.Unlock()
		s.proxy.lose(ctx, share, 4*time.Second)
		return nil
	}
}

// moveClock lets the shared clock jump past every lease that is held.
func moveClock(l *lab, ctx context.Context, _ *rand.Rand) error {
	l.postgres.hold.Lock()
	defer l.postgres.hold.Unlock()
	l.moved += tasks.Dream.Lease() + 5*time.Second
	return l.store.ShiftClock(ctx, l.moved)
}

// vendorFault adds to the vendors' script what they do with some of the next
// chats; more are further fields of the fault.
func vendorFault(kind string, times int, more string) injecting {
	script := fmt.Sprintf(`{"vendor":"*","route":"chat/completions","fault":%q,"times":%d%s}`, kind, times, more)
	return func(l *lab, ctx context.Context, _ *rand.Rand) error { return l.vendorPost(ctx, script) }
}
