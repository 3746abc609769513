package providers

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"sync"
	"time"
)

// The limits of a call where neither it nor its vendor states any.
const (
	defaultConnect    = 10 * time.Second
	defaultHeaders    = 30 * time.Second
	defaultFirstToken = 60 * time.Second
	defaultSilence    = 30 * time.Second
	defaultWhole      = 60 * time.Second
	defaultBegin      = 60 * time.Second
	defaultTotal      = 10 * time.Minute
	defaultTries      = 4
)

// Over returns the limits with those of below where a field is zero.
func (l Limits) Over(below Limits) Limits {
	return Limits{
		Connect:    orDefault(l.Connect, below.Connect),
		Headers:    orDefault(l.Headers, below.Headers),
		FirstToken: orDefault(l.FirstToken, below.FirstToken),
		Silence:    orDefault(l.Silence, below.Silence),
		Whole:      orDefault(l.Whole, below.Whole),
		Begin:      orDefault(l.Begin, below.Begin),
		Total:      orDefault(l.Total, below.Total),
		Tries:      orDefault(l.Tries, below.Tries),
	}
}

func (l Limits) filled() Limits {
	return l.Over(Limits{
		Connect: defaultConnect, Headers: defaultHeaders, FirstToken: defaultFirstToken, Silence: defaultSilence,
		Whole: defaultWhole, Begin: defaultBegin, Total: defaultTotal, Tries: defaultTries,
	})
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
	Limit string // connect, headers, first token, silence, whole answer or total
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

// watch holds one try to its limits. It learns of the connection and of the headers
// by the HTTP trace, so that drivers need not tell it.
type watch struct {
	limits   Limits
	streamed bool // else the answer comes in one piece, and has one limit
	cancel   context.CancelCauseFunc
	began    time.Time

	mu      sync.Mutex
	timer   *time.Timer
	limit   LimitError // the one that is armed
	ends    time.Time  // when it is reached
	started bool       // a chunk came
	heard   bool       // headers came
	stopped bool
}

func newWatch(ctx context.Context, limits Limits, streamed bool) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{limits: limits, streamed: streamed, cancel: cancel, began: time.Now()}
	w.connected()
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:              func(string) { w.begin("connect", limits.Connect, limits.Connect) },
		GotConn:              func(httptrace.GotConnInfo) { w.connected() },
		GotFirstResponseByte: func() { w.hear(); w.headers() },
	}), w
}

// arm starts the clock of a limit of which some is left.
func (w *watch) arm(limit LimitError, left time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	w.limit, w.ends = limit, time.Now().Add(left)
	if w.timer == nil {
		w.timer = time.AfterFunc(left, w.reached)
		return
	}
	w.timer.Reset(left)
}

// reached ends the try, unless another limit was armed while the timer fired.
func (w *watch) reached() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || time.Now().Before(w.ends) {
		return
	}
	limit := w.limit
	w.cancel(&limit)
}

// begin arms a limit for what comes before the first chunk.
func (w *watch) begin(name string, after, left time.Duration) {
	w.mu.Lock()
	started := w.started
	w.mu.Unlock()
	if !started {
		w.arm(LimitError{name, after}, left)
	}
}

// connected arms the limit for what is waited for on a connection.
func (w *watch) connected() {
	if !w.streamed {
		w.begin("whole answer", w.limits.Whole, w.limits.Whole)
		return
	}
	if w.untilFirst() < w.limits.Headers {
		w.headers()
		return
	}
	w.begin("headers", w.limits.Headers, w.limits.Headers)
}

func (w *watch) headers() {
	if w.streamed {
		w.begin("first token", w.limits.FirstToken, w.untilFirst())
	}
}

func (w *watch) hear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = true
}

// answered tells whether headers came.
func (w *watch) answered() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heard
}

// untilFirst is how much is left of the limit for the first token.
func (w *watch) untilFirst() time.Duration { return w.limits.FirstToken - time.Since(w.began) }

// pause stops the clock while the reader of the chunks is busy.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started = true
	w.timer.Stop()
}

func (w *watch) resume() { w.arm(LimitError{"silence", w.limits.Silence}, w.limits.Silence) }

func (w *watch) stop() {
	w.mu.Lock()
	w.stopped = true
	w.timer.Stop()
	w.mu.Unlock()
	w.cancel(nil)
}
