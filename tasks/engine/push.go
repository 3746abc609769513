package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"dreamlab/tasks"
)

const (
	// tokensKept bounds a lane's wake tokens. Each wakes one idle worker; more than
	// 64 are not needed, since a worker that is awake empties the queue.
	tokensKept = 64
	// pushTimeout is short, since clients wait for the push although their jobs are
	// committed.
	pushTimeout = time.Second
	// pushSize bounds the wake-ups of one pipeline: its memory, its time, and how many
	// are sent one by one where Redis has not loaded Asynq's script yet.
	pushSize = 256
	// taskRetries and taskTimeout are so large that Asynq never ends a task by itself:
	// the database counts attempts and holds the deadlines.
	taskRetries = 1 << 30
	taskTimeout = 30 * 24 * time.Hour
)

// wakeUp is an Asynq task that is to be enqueued.
type wakeUp struct {
	id   string
	kind tasks.Kind
	jobs []tasks.Ref
}

func (w wakeUp) task() (*asynq.Task, error) {
	payload, err := json.Marshal(tasks.Wake{Jobs: w.jobs})
	if err != nil {
		return nil, fmt.Errorf("write wake-up: %w", err)
	}
	return asynq.NewTask(string(w.kind), payload, asynq.TaskID(w.id), asynq.Queue(string(w.kind.Lane())),
		asynq.MaxRetry(taskRetries), asynq.Timeout(taskTimeout)), nil
}

// pusher enqueues wake-ups through asynq.Client, many in one pipeline.
type pusher struct {
	redis redis.UniversalClient
	plain *asynq.Client
}

func newPusher(r redis.UniversalClient) *pusher {
	return &pusher{redis: r, plain: asynq.NewClientFromRedisClient(r)}
}

// push enqueues wake-ups and then wakes idle workers, in pipelines of pushSize. The
// reconciler finds the jobs whose wake-up could not be enqueued.
func (p *pusher) push(ctx context.Context, wakes []wakeUp) error {
	for some := range slices.Chunk(wakes, pushSize) {
		if err := p.pipeline(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (p *pusher) pipeline(ctx context.Context, wakes []wakeUp) error {
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	pipe := p.redis.Pipeline()
	rec := &recorder{pipe: pipe}
	client := asynq.NewClientFromRedisClient(&tapped{UniversalClient: p.redis, evalSha: rec.evalSha, sAdd: rec.sAdd})
	for _, w := range wakes {
		task, err := w.task()
		if err != nil {
			return err
		}
		if _, err := client.EnqueueContext(ctx, task); err != nil {
			return fmt.Errorf("enqueue wake-up: %w", err)
		}
	}
	pushTokens(ctx, pipe, wakes)
	if _, err := pipe.Exec(ctx); err != nil && !hasNoScript(rec.scripts) {
		return fmt.Errorf("enqueue %d wake-ups: %w", len(wakes), err)
	}
	return p.again(ctx, wakes, rec.scripts)
}

// again enqueues, one by one, the wake-ups that failed because the server had not
// loaded Asynq's script; the first of them loads it.
func (p *pusher) again(ctx context.Context, wakes []wakeUp, scripts []*redis.Cmd) error {
	var late []wakeUp
	for i, script := range scripts {
		if !noScript(script.Err()) {
			continue
		}
		task, err := wakes[i].task()
		if err != nil {
			return err
		}
		_, err = p.plain.EnqueueContext(ctx, task)
		if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) {
			return fmt.Errorf("enqueue wake-up: %w", err)
		}
		late = append(late, wakes[i])
	}
	if len(late) == 0 {
		return nil
	}
	pipe := p.redis.Pipeline()
	pushTokens(ctx, pipe, late)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("push wake tokens: %w", err)
	}
	return nil
}

// pushTokens adds a token for each wake-up to its lane's list.
func pushTokens(ctx context.Context, pipe redis.Pipeliner, wakes []wakeUp) {
	tokens := map[tasks.Lane][]any{}
	for _, w := range wakes {
		lane := w.kind.Lane()
		if len(tokens[lane]) < tokensKept {
			tokens[lane] = append(tokens[lane], 1)
		}
	}
	for lane, list := range tokens {
		pipe.LPush(ctx, tokensKey(lane), list...)
		pipe.LTrim(ctx, tokensKey(lane), 0, tokensKept-1)
	}
}

func hasNoScript(scripts []*redis.Cmd) bool {
	for _, script := range scripts {
		if noScript(script.Err()) {
			return true
		}
	}
	return false
}

func noScript(err error) bool {
	return errors.Is(err, redis.ErrNoScript) || redis.HasErrorPrefix(err, "NOSCRIPT")
}

// recorder puts the commands of asynq.Client into one pipeline, since Asynq enqueues
// one task at a time.
type recorder struct {
	pipe    redis.Pipeliner
	scripts []*redis.Cmd
}

// evalSha adds the script to the pipeline and answers as if it had succeeded.
func (r *recorder) evalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	r.scripts = append(r.scripts, r.pipe.EvalSha(ctx, sha, keys, args...))
	done := redis.NewCmd(ctx)
	done.SetVal(int64(1))
	return done
}

// sAdd adds the queue to the set that asynqmon lists. Each push does so, since Redis
// may have been wiped.
func (r *recorder) sAdd(ctx context.Context, key string, members ...any) *redis.IntCmd {
	r.pipe.SAdd(ctx, key, members...)
	done := redis.NewIntCmd(ctx)
	done.SetVal(1)
	return done
}
