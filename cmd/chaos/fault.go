package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"
)

// fault is one kind of fault to inject.
type fault struct {
	name string
	on   func(*lab) *server // the server that it locks; nil: none
	do   injecting
}

// injecting injects a fault. errMissed means that there was nothing to inject it into.
type injecting func(l *lab, ctx context.Context, r *rand.Rand) error

var errMissed = errors.New("there was no work to inject it into")

// maxOutage is longer than the longest lease, one minute, so that leases run out.
const maxOutage = 65 * time.Second

// outage is the length of a server's outage in a run of some length: a fifth of it, and in a
// run of five minutes or more a minute, longer than every lease.
func outage(length time.Duration) time.Duration { return min(length/5, maxOutage) }

func ofRedis(l *lab) *server    { return l.redis }
func ofPostgres(l *lab) *server { return l.postgres }

// faults are all faults that are injected.
func faults(length time.Duration) []fault {
	away := outage(length)
	list := []fault{
		{"kill -9 a worker", nil, killOne("worker", syscall.SIGKILL)},
		{"kill -9 an api", nil, killOne("api", syscall.SIGKILL)},
		{"kill -9 a scheduler", nil, killOne("scheduler", syscall.SIGKILL)},
		{"freeze a worker past its leases", nil, freeze("worker")},
		{"freeze a scheduler as long", nil, freeze("scheduler")},
		{"rolling restart of the workers", nil, rollWorkers},
		{"restart of an api under load", nil, killOne("api", syscall.SIGTERM)},
		{"Redis: FLUSHALL", ofRedis, flush},
		{"Redis: restart that forgets", ofRedis, restart(ofRedis, syscall.SIGKILL)},
		{"Redis: away for " + away.String(), ofRedis, leave(ofRedis, away)},
		{"Redis: carried out, answers lost", ofRedis, loseAnswers(ofRedis, 0.03)},
		// Without a checkpoint: commits that were not synced are gone.
		{"PostgreSQL: crash and restart", ofPostgres, restart(ofPostgres, syscall.SIGQUIT)},
		{"PostgreSQL: away for " + away.String(), ofPostgres, leave(ofPostgres, away)},
		{"PostgreSQL: carried out, answers lost", ofPostgres, loseAnswers(ofPostgres, 0.02)},
		{"clock moved ahead past all leases", ofPostgres, pastLeases},
		{"vendor: answers lost after the bill", nil, onChats("drop_after", 4, "")},
		{"vendor: connections cut", nil, onChats("drop", 4, "")},
		{"vendor: 503", nil, onChats("status", 4, `,"status":503`)},
		{"vendor: 429", nil, onChats("rate_limit", 4, `,"retry_after":1`)},
		{"vendor: slow answers", nil, onChats("delay", 8, `,"ms":4000`)},
		{"vendor: streams cut", nil, onChats("truncate", 4, `,"chunks":2`)},
		{"vendor: garbage", nil, onChats("garbage", 3, "")},
		{"training: created, answer lost", nil, onTraining(lostCreation)},
		{"training: the same, and its list away", nil, onTraining(lostCreation, listAway)},
		{"training: broken by the vendor", nil, onTraining(brokenTraining)},
		{"batch: ordered, answer lost", nil, onBatch(lostOrder)},
		{"batch: the same, and its list away", nil, onBatch(lostOrder, ordersAway)},
		{"batch: a third of the lines fail", nil, onBatch(failingLines)},
		{"batch: expired in the middle", nil, onBatch(expiringOrder)},
	}
	list = append(list, trainerFaults()...)
	list = append(list, placeFaults()...)
	for _, point := range []string{"claimed", "intent", "answered", "committing", "committed"} {
		list = append(list, fault{"die at: " + point, nil, dieAt(point + "/10")})
	}
	for _, point := range []string{"creating", "created"} {
		list = append(list, fault{"die at: training " + point, nil, dieDoing("train", point)})
	}
	list = append(list, fault{"die at: training deployed", nil, dieAfter(places()[0].tuning(tuners()+len(places())), "deployed")})
	for _, point := range []string{"ordering", "ordered", "collected"} {
		list = append(list, fault{"die at: batch " + point, nil, dieDoing("batch", point)})
	}
	return list
}

// Faults of the training vendor, once each.
const (
	lostCreation   = `{"vendor":"together","method":"POST","route":"/fine-tunes$","fault":"drop_after","times":1}`
	listAway       = `{"vendor":"together","method":"GET","route":"/fine-tunes$","fault":"status","status":503,"times":4}`
	brokenTraining = `{"vendor":"together","method":"POST","route":"/fine-tunes$","fault":"fail_training","times":1}`
)

// Faults of the vendor of batches, once each.
const (
	lostOrder     = `{"vendor":"groq","method":"POST","route":"/batches$","fault":"drop_after","times":1}`
	ordersAway    = `{"vendor":"groq","method":"GET","route":"/batches$","fault":"status","status":503,"times":4}`
	failingLines  = `{"vendor":"groq","model":"` + batchModel + `","fault":"fail_lines","share":0.33,"status":503,"times":1}`
	expiringOrder = `{"vendor":"groq","model":"` + batchModel + `","fault":"expire_batch","times":1}`
)

// deck draws the faults in an order that the seed determines: each of them once before any
// comes again.
type deck struct {
	lab    *lab
	length time.Duration

	mu   sync.Mutex
	rand *rand.Rand
	left []fault
}

func newDeck(l *lab, length time.Duration, seed uint64) *deck {
	return &deck{lab: l, length: length, rand: rand.New(rand.NewPCG(seed, 0))}
}

// draw returns a fault, and a function that unlocks its server. A fault whose server is locked
// by another one comes later.
func (d *deck) draw() (f fault, release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.left) == 0 {
		d.left = faults(d.length)
		d.rand.Shuffle(len(d.left), func(a, b int) { d.left[a], d.left[b] = d.left[b], d.left[a] })
	}
	for i, f := range d.left {
		if f.on != nil && !f.on(d.lab).hold.TryLock() {
			continue
		}
		d.left = append(d.left[:i:i], d.left[i+1:]...)
		if f.on == nil {
			return f, func() {}
		}
		return f, f.on(d.lab).hold.Unlock
	}
	f, d.left = d.left[0], d.left[1:] // all that are left need a locked server
	f.on(d.lab).hold.Lock()
	return f, f.on(d.lab).hold.Unlock
}

// injectors is the number of faults that are injected at once.
const injectors = 2

// injectAll injects faults until ctx ends.
func (l *lab) injectAll(ctx context.Context, o options, played, missed *tally) error {
	all := newDeck(l, o.length, o.seed)
	return together(injectors, func(i int) error {
		r := rand.New(rand.NewPCG(o.seed, uint64(i)+1))
		for pause(ctx, time.Duration(200+r.IntN(1000))*time.Millisecond) {
			if err := all.play(ctx, r, played, missed); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *deck) play(ctx context.Context, r *rand.Rand, played, missed *tally) error {
	f, release := d.draw()
	defer release()
	err := f.do(d.lab, ctx, r)
	switch {
	case errors.Is(err, errMissed):
		missed.add(f.name)
	case err == nil:
		played.add(f.name)
	case ctx.Err() == nil:
		return fmt.Errorf("inject %q: %w", f.name, err)
	}
	return nil
}
