package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/db"
)

const (
	// keep is how long a reply can be read again after it was last written to.
	keep = 10 * time.Minute
	// replyTimeout bounds one write.
	replyTimeout = 5 * time.Second
	// maxDropped bounds the replies that one UNLINK names, so that Redis is not held up.
	maxDropped = 500

	fieldType = "t"
	fieldBody = "b"
	fieldHead = "h"
)

// EventType says what an entry of a reply is.
type EventType string

// The types of entry.
const (
	Data  EventType = "data"  // SSE data lines
	End   EventType = "end"   // nothing follows: the job's end is committed
	Error EventType = "error" // nothing follows: the body is the error's JSON
	// Cancelled means that nothing follows, since the job was cancelled.
	Cancelled EventType = "cancelled"
)

// Event is one entry of a reply.
type Event struct {
	// ID is "<epoch>-<seq>": what a client sends as Last-Event-ID.
	ID   string
	Type EventType
	// Lines are the payloads of SSE data lines, without "data: "; an error has one.
	Lines [][]byte
	// Head describes the answer, as JSON. Only the first data of a reply has one.
	Head []byte
}

// Replies are the streams on which answers travel to the waiting clients,
// kept for ten minutes.
type Replies struct{ redis redis.UniversalClient }

// NewReplies returns the reply streams of a queue.
func NewReplies(client redis.UniversalClient) *Replies { return &Replies{redis: client} }

func replyKey(lane, job string) string { return "dreamlab:{" + lane + "}:reply:" + job }

// Shown tells which epoch has written data to a job's reply, 0 for none. A
// worker that claims an attached job at a later epoch must not call again.
func (r *Replies) Shown(ctx context.Context, lane, job string) (epoch int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	last, err := r.redis.XRevRangeN(ctx, replyKey(lane, job), "+", "-", 1).Result()
	if err != nil {
		return 0, fmt.Errorf("read the reply of %s: %w", job, err)
	}
	if len(last) == 0 {
		return 0, nil
	}
	epoch, _, err = splitID(last[0].ID)
	return epoch, err
}

// Drop removes the replies of jobs, also while clients read them.
func (r *Replies) Drop(ctx context.Context, lane string, jobs []string) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	for some := range slices.Chunk(jobs, maxDropped) {
		keys := make([]string, len(some))
		for i, job := range some {
			keys[i] = replyKey(lane, job)
		}
		if err := r.redis.Unlink(ctx, keys...).Err(); err != nil {
			return fmt.Errorf("drop replies: %w", err)
		}
	}
	return nil
}

// Writer returns the writing end of a job's reply under an epoch. It is for
// one goroutine. Redis itself refuses what comes from an older epoch than the
// newest that wrote.
func (r *Replies) Writer(lane, job string, epoch int64) *Writer {
	return &Writer{redis: r.redis, key: replyKey(lane, job), epoch: epoch}
}

// Writer writes one job's reply.
type Writer struct {
	redis redis.UniversalClient
	key   string
	epoch int64
	seq   int64
	head  []byte
}

// Written tells whether anything was written: a client may have seen it.
func (w *Writer) Written() bool { return w.seq > 0 }

// Head sets the Head of the first data, as JSON. Call it before Data.
func (w *Writer) Head(head []byte) { w.head = head }

// Data appends what is ready as one entry. Lines hold no line break. It fails
// with db.ErrFenced when a newer epoch has written.
func (w *Writer) Data(ctx context.Context, lines ...[]byte) error {
	if len(lines) == 0 {
		return nil
	}
	return w.add(ctx, dataOf(lines))
}

// End appends what is left to show, if anything, and the end. Call it after the
// job's end is committed.
func (w *Writer) End(ctx context.Context, lines ...[]byte) error {
	if len(lines) == 0 {
		return w.add(ctx, entry{kind: End})
	}
	return w.add(ctx, dataOf(lines), entry{kind: End})
}

// Error appends an error, as JSON, as the end.
func (w *Writer) Error(ctx context.Context, body []byte) error { return w.add(ctx, entry{Error, body}) }

// entry is what is written of an event.
type entry struct {
	kind EventType
	body []byte
}

func dataOf(lines [][]byte) entry { return entry{Data, bytes.Join(lines, []byte("\n"))} }

// add appends entries in one pipeline. Several are one transaction, so that the reader who waits
// for them gets all by one read.
func (w *Writer) add(ctx context.Context, entries ...entry) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	pipe := w.redis.Pipeline()
	if len(entries) > 1 {
		pipe = w.redis.TxPipeline()
	}
	added := make([]*redis.StringCmd, len(entries))
	renew := w.seq == 0
	for i, e := range entries {
		values := []any{fieldType, string(e.kind), fieldBody, e.body}
		if w.seq == 0 && e.kind == Data && w.head != nil {
			values = append(values, fieldHead, w.head)
		}
		added[i] = pipe.XAdd(ctx, &redis.XAddArgs{Stream: w.key, ID: w.id(i), Values: values})
		renew = renew || e.kind != Data || (w.seq+int64(i)+1)%64 == 0
	}
	if renew {
		pipe.Expire(ctx, w.key, keep)
	}
	_, err := pipe.Exec(ctx)
	for i, cmd := range added {
		if cmd.Err() != nil && strings.Contains(cmd.Err().Error(), "equal or smaller") {
			if err = w.refused(ctx, w.id(i)); err != nil {
				break
			}
		}
	}
	if err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	w.seq += int64(len(entries))
	return nil
}

// id returns the id of the i-th entry that is not written yet.
func (w *Writer) id(i int) string { return fmt.Sprintf("%d-%d", w.epoch, w.seq+1+int64(i)) }

// refused returns nil where the entry is there already: the answer to the write was
// lost, and it was sent again. Otherwise a newer epoch has written, and it returns
// db.ErrFenced. Only this writer writes under its epoch.
func (w *Writer) refused(ctx context.Context, id string) error {
	mine, err := w.redis.XRange(ctx, w.key, id, id).Result()
	if err == nil && len(mine) == 0 {
		err = db.ErrFenced
	}
	return err
}

func splitID(id string) (epoch, seq int64, err error) {
	left, right, found := strings.Cut(id, "-")
	if found {
		epoch, err = strconv.ParseInt(left, 10, 64)
	}
	if found && err == nil {
		seq, err = strconv.ParseInt(right, 10, 64)
	}
	if !found || err != nil || epoch < 0 || seq < 0 {
		return 0, 0, fmt.Errorf("read event id %q: %w", id, errEventID)
	}
	return epoch, seq, nil
}

var errEventID = errors.New("send the id of an event of this stream, like 1-7")

func eventOf(m redis.XMessage) Event {
	t, _ := m.Values[fieldType].(string)
	body, _ := m.Values[fieldBody].(string)
	head, _ := m.Values[fieldHead].(string)
	e := Event{ID: m.ID, Type: EventType(t), Head: []byte(head)}
	if body != "" {
		e.Lines = bytes.Split([]byte(body), []byte("\n"))
	}
	return e
}
