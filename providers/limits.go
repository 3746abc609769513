package providers

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"sync"
	"time"
)

// The limits of a call where it states none.
const (
	defaultHeadersStreamed = 30 * time.Second
	defaultHeadersWhole    = 60 * time.Second
	defaultFirstToken      = 60 * time.Second
	defaultSilence         = 30 * time.Second
	defaultBegin           = 60 * time.Second
	defaultTotal           = 10 * time.Minute
	defaultTries           = 4
)

func (l Limits) filled(streamed bool) Limits {
	headers := defaultHeadersWhole
	if streamed {
		headers = defaultHeadersStreamed
	}
	return Limits{
		Headers:    orDefault(l.Headers, headers),
		FirstToken: orDefault(l.FirstToken, defaultFirstToken),
		Silence:    orDefault(l.Silence, defaultSilence),
		Begin:      orDefault(l.Begin, defaultBegin),
		Total:      orDefault(l.Total, defaultTotal),
		Tries:      orDefault(l.Tries, defaultTries),
	}
}

func orDefault[T int | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// LimitError is the cause of a context that ended because a limit of the call
// was reached.
type LimitError struct {
	Limit string // headers, first token, whole answer, silence or total
	After time.Duration
}

// Error names the limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("the vendor was slower than the limit for %s (%v)", e.Limit, e.After)
}

// Timeout tells that the error is about time.
func (e *LimitError) Timeout() bool { return true }

// ContextKind tells drivers what an ended context means: KindTimeout when a
// deadline or a limit was reached, KindCancelled when the caller gave up, and
// false while ctx has not ended.
func ContextKind(ctx context.Context) (Kind, bool) {
	if ctx.Err() == nil {
		return "", false
	}
	var slow interface{ Timeout() bool }
	if errors.As(context.Cause(ctx), &slow) && slow.Timeout() {
		return KindTimeout, true
	}
	return KindCancelled, true
}

// watch holds one try to the limits for headers, first token and silence. It
// learns of the headers by the HTTP trace, so that drivers need not tell it.
type watch struct {
	limits   Limits
	streamed bool
	cancel   context.CancelCauseFunc

	mu      sync.Mutex
	timer   *time.Timer
	started bool // a chunk came
	stopped bool
}

func newWatch(ctx context.Context, limits Limits, streamed bool) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{limits: limits, streamed: streamed, cancel: cancel}
	w.arm("headers", limits.Headers)
	trace := &httptrace.ClientTrace{GotFirstResponseByte: w.headers}
	return httptrace.WithClientTrace(ctx, trace), w
}

func (w *watch) arm(limit string, after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.stopped {
		return
	}
	w.timer = time.AfterFunc(after, func() { w.cancel(&LimitError{Limit: limit, After: after}) })
}

func (w *watch) headers() {
	w.mu.Lock()
	started := w.started
	w.mu.Unlock()
	switch {
	case started:
	case w.streamed:
		w.arm("first token", w.limits.FirstToken)
	default:
		w.arm("whole answer", w.limits.FirstToken)
	}
}

// pause stops the clock while the reader of the chunks is busy.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started = true
	w.timer.Stop()
}

func (w *watch) resume() { w.arm("silence", w.limits.Silence) }

func (w *watch) stop() {
	w.mu.Lock()
	w.stopped = true
	w.timer.Stop()
	w.mu.Unlock()
	w.cancel(nil)
}
