package redis

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/backoff"
	"dreamlab/store/db"
)

const (
	// block is how long one read waits.
	block = 5 * time.Second
	// rest is the pause after a failed read.
	rest = 250 * time.Millisecond
	// ahead bounds the events that are buffered for a slow follower. When the buffer is
	// full the follower reads the stream itself.
	ahead = 256
	// maxEntries bounds the entries of a stream that one read takes.
	maxEntries = 128
)

// ErrInterrupted means that a reply cannot go on as the client knows it:
// another epoch writes, or entries are missing.
var ErrInterrupted = errors.New("the reply broke off: start again from the beginning")

// Reader reads the replies of a lane for all followers in a process by one
// blocking read. Run has to run while anybody follows.
type Reader struct {
	redis redis.UniversalClient
	lane  string
	own   string // a stream whose entries end the blocking read, so that a new follower is included

	mu        sync.Mutex
	followers map[*follower]struct{}
	nudged    bool // the reader was woken and has not yet collected the positions
}

// NewReader returns a reader for a lane.
func NewReader(client redis.UniversalClient, lane string) *Reader {
	return &Reader{redis: client, lane: lane, followers: map[*follower]struct{}{},
		own: "dreamlab:{" + lane + "}:reader:" + db.NewID("")}
}

// follower is a call of Follow that waits for entries.
type follower struct {
	key    string
	last   string // the last id that the reader handed over
	events chan redis.XMessage
	behind bool // its buffer was full: it reads the stream itself
}

// Run reads until ctx ends.
func (r *Reader) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		if err := r.nudge(context.WithoutCancel(ctx)); err != nil {
			return // the read ends anyway, within block
		}
	})()
	seen := "0-0"
	for ctx.Err() == nil {
		from := r.positions()
		from[r.own] = seen
		keys := slices.Collect(maps.Keys(from))
		streams := keys
		for _, key := range keys {
			streams = append(streams, from[key])
		}
		found, err := r.redis.XRead(ctx, &redis.XReadArgs{Streams: streams, Count: maxEntries, Block: block}).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			_ = backoff.Sleep(ctx, rest) // the loop sees that ctx ended
			continue
		}
		for _, stream := range found {
			if stream.Stream == r.own {
				seen = stream.Messages[len(stream.Messages)-1].ID
				continue
			}
			r.hand(stream, from[stream.Stream])
		}
	}
	return nil
}

// nudge wakes the reader up.
func (r *Reader) nudge(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	pipe := r.redis.Pipeline()
	pipe.XAdd(ctx, &redis.XAddArgs{Stream: r.own, MaxLen: 16, Approx: true, Values: []any{fieldType, "new"}})
	pipe.Expire(ctx, r.own, keep)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("wake the reader of replies: %w", err)
	}
	return nil
}

// positions returns the streams to read, each with the id to go on after: the
// earliest where several followers share a stream.
func (r *Reader) positions() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nudged = false
	at := map[string]string{}
	for f := range r.followers {
		if last, known := at[f.key]; !known || before(f.last, last) {
			at[f.key] = f.last
		}
	}
	return at
}

func before(a, b string) bool {
	ae, as, _ := splitID(a)
	be, bs, _ := splitID(b)
	return ae < be || ae == be && as < bs
}

// hand gives the entries after an id to the followers of a stream. It does not wait:
// a follower whose buffer is full is removed, and reads the stream itself. A follower
// that joined during the read, and whose position is older than this batch, reads it
// in the next round.
func (r *Reader) hand(stream redis.XStream, from string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for f := range r.followers {
		if f.key != stream.Stream || before(f.last, from) {
			continue
		}
		if !f.take(stream.Messages) {
			f.behind = true
			close(f.events)
			delete(r.followers, f)
		}
	}
}

func (f *follower) take(messages []redis.XMessage) bool {
	for _, m := range messages {
		if !before(f.last, m.ID) {
			continue
		}
		select {
		case f.events <- m:
			f.last = m.ID
		default:
			return false
		}
	}
	return true
}

func (r *Reader) join(ctx context.Context, key, last string) (*follower, error) {
	f := &follower{key: key, last: last, events: make(chan redis.XMessage, ahead)}
	r.mu.Lock()
	r.followers[f] = struct{}{}
	coming := r.nudged // the reader is woken already, and will include this one
	r.nudged = true
	r.mu.Unlock()
	if coming {
		return f, nil
	}
	if err := r.nudge(ctx); err != nil {
		r.mu.Lock()
		r.nudged = false
		r.mu.Unlock()
		r.leave(f)
		return nil, err
	}
	return f, nil
}

func (r *Reader) leave(f *follower) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.followers, f)
}

// Follow yields a job's events in order, from the one after the given id (""
// for the first), until one ends the reply, the caller stops or ctx ends. Where
// the reply cannot go on it yields ErrInterrupted; where ctx ends, its error. It
// does not know the job's state: a job may have ended without an End in its stream,
// which the caller has to ask the database.
func (r *Reader) Follow(ctx context.Context, job, after string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		t := &trail{}
		if err := t.start(after); err != nil {
			yield(Event{}, err)
			return
		}
		key := replyKey(r.lane, job)
		for {
			f, err := r.join(ctx, key, t.id())
			if err != nil {
				yield(Event{}, err)
				return
			}
			more := t.drain(ctx, f, yield)
			r.leave(f)
			if !more || !r.catchUp(ctx, key, t, yield) {
				return
			}
		}
	}
}

// drain yields what the reader hands over. It returns true when the follower was
// removed for being slow, and has to catch up.
func (t *trail) drain(ctx context.Context, f *follower, yield func(Event, error) bool) bool {
	for {
		select {
		case <-ctx.Done():
			yield(Event{}, context.Cause(ctx))
			return false
		case m, open := <-f.events:
			if !open {
				return true
			}
			if !t.step(m, yield) {
				return false
			}
		}
	}
}

// catchUp reads what a slow follower has missed, page by page.
func (r *Reader) catchUp(ctx context.Context, key string, t *trail, yield func(Event, error) bool) bool {
	for {
		page, err := r.redis.XRangeN(ctx, key, "("+t.id(), "+", maxEntries).Result()
		if err != nil {
			yield(Event{}, fmt.Errorf("read reply: %w", err))
			return false
		}
		for _, m := range page {
			if !t.step(m, yield) {
				return false
			}
		}
		if len(page) < maxEntries {
			return true
		}
	}
}

// trail is the position of a follower: the last entry that was yielded.
type trail struct{ epoch, seq int64 }

func (t *trail) start(after string) (err error) {
	if after != "" {
		t.epoch, t.seq, err = splitID(after)
	}
	return err
}

func (t *trail) id() string { return fmt.Sprintf("%d-%d", t.epoch, t.seq) }

// step yields an entry and tells whether more may follow. The first entry sets the
// epoch; each later one has to be the next of that epoch.
func (t *trail) step(m redis.XMessage, yield func(Event, error) bool) bool {
	epoch, seq, err := splitID(m.ID)
	if err != nil {
		yield(Event{}, err)
		return false
	}
	fresh := t.seq == 0 && seq == 1
	if e := eventOf(m); e.Type == Cancelled { // the API writes it, without knowing the last position
		yield(e, nil)
		return false
	}
	if !fresh && (epoch != t.epoch || seq != t.seq+1) {
		yield(Event{}, ErrInterrupted)
		return false
	}
	t.epoch, t.seq = epoch, seq
	e := eventOf(m)
	return yield(e, nil) && e.Type == Data
}
