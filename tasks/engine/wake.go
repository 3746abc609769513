package engine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"dreamlab/store/db"
	"dreamlab/tasks"
)

const (
	// wakeWait is how long an idle worker waits for a token before it polls the
	// queue.
	wakeWait = 5 * time.Second
	// wakeRest is the pause after an error of Redis.
	wakeRest = 500 * time.Millisecond
)

// waiter hooks into the client of a lane's asynq.Server and turns Asynq's
// polling into waiting: when the dequeue script answers that there is nothing,
// it blocks on the lane's list of wake tokens and then asks again. Tokens are
// pushed after the tasks, and stay in the list, so none is missed in between.
type waiter struct {
	redis redis.UniversalClient
	lane  tasks.Lane
	log   zerolog.Logger
	own   string // a list that only this waiter pops from: join pushes to it

	stopped chan struct{}
	blocked sync.WaitGroup
}

func newWaiter(client redis.UniversalClient, lane tasks.Lane, log zerolog.Logger) *waiter {
	return &waiter{redis: client, lane: lane, log: log,
		own: laneKey(lane, db.NewID("waiter_")), stopped: make(chan struct{})}
}

// client is what the lane's asynq.Server is given.
func (w *waiter) client() *tapped {
	return &tapped{UniversalClient: w.redis, evalSha: w.evalSha, sAdd: w.redis.SAdd}
}

// evalSha runs a script, and the dequeue script once more after a wait.
func (w *waiter) evalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	answer := w.redis.EvalSha(ctx, sha, keys, args...)
	if !isDequeue(keys) || answer.Err() == nil || noScript(answer.Err()) {
		return answer
	}
	if !errors.Is(answer.Err(), redis.Nil) {
		w.rest() // Asynq asks again at once
		return answer
	}
	if !w.wait(ctx) {
		return answer
	}
	return w.redis.EvalSha(ctx, sha, keys, args...)
}

// isDequeue recognises Asynq's dequeue script by its keys.
func isDequeue(keys []string) bool {
	if len(keys) != 4 {
		return false
	}
	for i, end := range []string{":pending", ":paused", ":active", ":lease"} {
		if !strings.HasSuffix(keys[i], end) {
			return false
		}
	}
	return true
}

// wait blocks for a token, at most wakeWait, and tells whether to ask again.
// It returns at once after stop: the blocked command goes on in a goroutine that
// join waits for.
func (w *waiter) wait(ctx context.Context) bool {
	answered := make(chan error, 1)
	w.blocked.Go(func() { answered <- w.block(ctx) })
	select {
	case <-w.stopped:
		return false
	case err := <-answered:
		if err == nil || errors.Is(err, redis.Nil) {
			return true
		}
		w.log.Debug().Err(err).Msg("wait for a wake token")
		w.rest()
		return false
	}
}

// rest waits for wakeRest, or until stop.
func (w *waiter) rest() {
	rest := time.NewTimer(wakeRest)
	defer rest.Stop()
	select {
	case <-w.stopped:
	case <-rest.C:
	}
}

// block pops a token. A token that arrives after stop is put back for another worker.
func (w *waiter) block(ctx context.Context) error {
	select {
	case <-w.stopped:
		return redis.Nil
	default:
	}
	shared := tokensKey(w.lane)
	got, err := w.redis.BRPop(ctx, wakeWait, w.own, shared).Result()
	if err != nil || got[0] != shared {
		return err
	}
	select {
	case <-w.stopped:
		return w.redis.RPush(ctx, shared, got[1]).Err()
	default:
		return nil
	}
}

// stop ends the current wait and all later ones.
func (w *waiter) stop() { close(w.stopped) }

// join ends the blocked command by pushing to its own list, and waits for it. Where
// Redis does not answer, the command ends after wakeWait.
func (w *waiter) join(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	pipe := w.redis.Pipeline()
	pipe.LPush(ctx, w.own, 1)
	pipe.PExpire(ctx, w.own, 2*wakeWait)
	if _, err := pipe.Exec(ctx); err != nil {
		w.log.Debug().Err(err).Msg("release a waiting worker")
	}
	w.blocked.Wait()
}
