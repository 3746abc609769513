package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"dreamlab/cmd/internal/api/cache"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/job"
	"dreamlab/store/redis"
	"dreamlab/tasks"
)

// turn is a chat whose client waits.
type turn struct {
	chats *Chats
	call  *wire.Call
	job   job.Job
	input tasks.ChatInput
	began time.Time
	slot  *cache.Slot // takes the answer; nil for none
}

// errStopped ends a follow from within.
var errStopped = errors.New("the client was told all")

// whole waits for the answer and gives it in one piece.
func (t *turn) whole(w http.ResponseWriter) error {
	body, err := t.answer()
	if err != nil {
		return err
	}
	t.keep(body)
	if err := WriteAnswer(w, body, time.Since(t.began)); err != nil {
		return err
	}
	return t.delivered()
}

// answer waits for the answer of a chat that is not streamed.
func (t *turn) answer() (body []byte, err error) {
	ended, err := t.follow("", func(e redis.Event) error {
		body = bytes.Join(e.Lines, []byte("\n"))
		return nil
	}, nil)
	switch {
	case err != nil || body != nil:
		return body, err
	case ended.State != job.StateSucceeded || len(ended.Result) == 0:
		return nil, EndedFault(ended)
	}
	return ended.Result, nil
}

// delivered clears what is not to be kept. To resume a reply is to read it: the
// client may come back once more.
func (t *turn) delivered() error {
	if t.call.Method != http.MethodPost {
		return nil
	}
	return t.chats.clear(t.call, t.job.ID, t.input)
}

// stream forwards the answer as it comes, from a place on. Until the first byte
// an error has a status of its own; after it, an event.
func (t *turn) stream(w http.ResponseWriter, from place) error {
	out, shown := wire.NewSSE(w, t.chats.Sandbox), false
	ended, err := t.follow(from.after(), func(e redis.Event) error {
		if !out.Started() {
			showHead(w.Header(), e.Head)
		}
		shown = true
		if !t.input.Stream {
			return out.Whole(e.ID, e.Lines)
		}
		return out.Entry(e.ID, e.Lines, from.skip(e.ID))
	}, func() error { return t.beat(out) })
	switch {
	case err != nil && out.Started():
		f := interruption(err)
		return errors.Join(err, out.Fail(f))
	case err != nil:
		return err
	case ended.ID == "": // the reply has its end
		t.keepStreamed()
		return errors.Join(out.Begin(), t.delivered())
	case shown:
		return out.Fail(wire.Coded("stream_interrupted", "The answer broke off: ask again."))
	}
	return t.instead(w, out, from, ended)
}

// beat keeps a stream open that has begun. One that is held back begins by it, since
// proxies close what is silent for long.
func (t *turn) beat(out *wire.SSE) error {
	if !out.Started() && t.input.Recovery != tasks.RecoverHold {
		return nil
	}
	return out.Beat()
}

// instead tells of a job that has ended while its reply showed nothing.
func (t *turn) instead(w http.ResponseWriter, out *wire.SSE, from place, ended job.Job) error {
	err := error(goneFault())
	if from.id == "" {
		err = t.chats.answerAgain(w, out, ended, t.input)
	}
	if f := (*wire.Fault)(nil); out.Started() && errors.As(err, &f) {
		return out.Fail(f)
	}
	return err
}

func goneFault() *wire.Fault {
	return wire.Coded("stream_gone", "The stream is kept for ten minutes and is gone: GET the job for its result.")
}

// interruption is what a client is told in whose stream something went wrong.
func interruption(err error) *wire.Fault {
	var f *wire.Fault
	if errors.As(err, &f) {
		if f.Status == http.StatusConflict { // the job was cancelled
			return wire.Coded("stream_interrupted", f.Message)
		}
		return f
	}
	return wire.Coded("stream_interrupted", "The answer broke off: ask again, or resume with Last-Event-ID.")
}

// Times of a follow.
const (
	quiet = 2 * time.Second  // then the job itself is watched
	grace = time.Second      // for the end of a reply whose job has ended
	beat  = 15 * time.Second // between signs of life on a silent stream
)

// follow hands the reply's data on until its end. Where the job ends and its
// reply does not, it returns the job. An error that the reply tells is a fault.
func (t *turn) follow(after string, data func(redis.Event) error, alive func() error) (job.Job, error) {
	ctx, cancel := context.WithCancel(t.call.Context())
	defer cancel()
	t.chats.absent.arrive(t.job.ID)
	f := &following{turn: t, ctx: ctx, data: data, alive: alive, events: t.events(ctx, after),
		leave: func() {}}
	ended, err := f.run()
	cancel()
	f.join()
	var told *wire.Fault
	t.chats.absent.leave(t.job, err != nil && !errors.As(err, &told))
	if errors.Is(err, errReplies) {
		err = &wire.Fault{Status: http.StatusServiceUnavailable, Code: "queue_unavailable", Err: err,
			Message: "The queue can not be used just now: try again in a few seconds."}
	}
	return ended, err
}

// errReplies means that Redis could not be read: the job itself may go on.
var errReplies = errors.New("read the reply")

type replyEvent struct {
	event redis.Event
	err   error
}

// events reads the reply on a goroutine of its own, which ends with the context.
func (t *turn) events(ctx context.Context, after string) <-chan replyEvent {
	out := make(chan replyEvent)
	go func() {
		defer close(out)
		for event, err := range t.chats.Replies.Follow(ctx, t.job.ID, after) {
			select {
			case out <- replyEvent{event, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// following is one run along a reply.
type following struct {
	*turn
	ctx    context.Context
	data   func(redis.Event) error
	alive  func() error
	events <-chan replyEvent
	leave  func()          // the watch
	ended  <-chan struct{} // nil until the job is watched, and again when it has ended
	seen   bool            // it is watched, or was
}

func (f *following) run() (job.Job, error) {
	silence, over, beats := time.NewTimer(quiet), stoppedTimer(), time.NewTicker(beat)
	defer silence.Stop()
	defer over.Stop()
	defer beats.Stop()
	if f.job.State.Ended() {
		silence.Stop()
		over.Reset(grace)
	}
	defer func() { f.leave() }()
	for {
		select {
		case <-f.ctx.Done():
			return job.Job{}, f.ctx.Err()
		case e, more := <-f.events:
			if !more {
				return job.Job{}, f.ctx.Err()
			}
			if err := f.take(e); err != nil {
				return job.Job{}, endOf(err)
			}
			silence.Reset(quiet)
		case <-silence.C:
			f.watch()
		case <-f.ended:
			f.ended = nil // it is told once
			over.Reset(grace)
		case <-over.C:
			return f.chats.Store.Job(f.ctx, f.job.Tenant, f.job.ID)
		case <-beats.C:
			if err := f.sign(); err != nil {
				return job.Job{}, err
			}
		}
	}
}

// watch has the job itself looked at, once.
func (f *following) watch() {
	if !f.seen {
		f.seen = true
		f.ended, f.leave = f.chats.quiet.watch(f.job.ID)
	}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

func endOf(err error) error {
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

func (f *following) sign() error {
	if f.alive == nil {
		return nil
	}
	return f.alive()
}

// take hands an entry on, and returns errStopped behind the last.
func (f *following) take(e replyEvent) error {
	switch {
	case errors.Is(e.err, redis.ErrInterrupted):
		return wire.Coded("stream_interrupted", "The answer broke off: ask again.")
	case e.err != nil && f.ctx.Err() == nil:
		return fmt.Errorf("%w: %w", errReplies, e.err)
	case e.err != nil:
		return e.err
	case e.event.Type == redis.End:
		return errStopped
	case e.event.Type == redis.Error:
		return toldFault(e.event.Lines)
	case e.event.Type == redis.Cancelled:
		return cancelledFault()
	}
	return f.data(e.event)
}

// toldFault reads the error with which a reply ends: as a client is sent it, below
// "error", or as a job holds it.
func toldFault(lines [][]byte) *wire.Fault {
	text := bytes.Join(lines, []byte("\n"))
	var told struct {
		Error *job.Error `json:"error"`
	}
	err := json.Unmarshal(text, &told)
	if err == nil && told.Error == nil {
		told.Error = &job.Error{}
		err = json.Unmarshal(text, told.Error)
	}
	if err != nil {
		return wire.Coded("internal", "The answer ended in an error that cannot be read: ask again.")
	}
	return jobFault(*told.Error)
}

// join waits until the reader of the reply has gone.
func (f *following) join() {
	for range f.events {
	}
}
