package openai

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"dreamlab/providers"
)

// When a token is renewed. Most hosts give one for an hour and longer.
const (
	renewBefore = 5 * time.Minute  // its end, while calls still go out with it
	stopBefore  = 30 * time.Second // its end: a call under way must not outlive it
	renewAgain  = 10 * time.Second // after a renewal that failed
	patience    = 30 * time.Second // with the host that gives them out
)

// Tokens are what a host gives to an application for its credentials
// (https://datatracker.ietf.org/doc/html/rfc6749#section-4.4).
// One is asked for at a time, whoever waits for it, and before the last one ends. It is
// safe for concurrent use.
type Tokens struct {
	host *Client
	call Call
	now  func() time.Time

	mu     sync.Mutex
	held   string
	until  time.Time
	idle   time.Time // until when no renewal is tried while the held one is good
	flight *flight   // nil where nobody is asking
}

// flight is one request for a token.
type flight struct {
	done  chan struct{}
	token string
	err   *providers.Error
}

// NewTokens returns a source of tokens, each of which a call of the client gets. Nil for now
// is the real clock.
func NewTokens(host *Client, call Call, now func() time.Time) *Tokens {
	if now == nil {
		now = time.Now
	}
	return &Tokens{host: host, call: call, now: now}
}

// Authorize puts a token into a request.
func (t *Tokens) Authorize(r *http.Request) error {
	token, err := t.token(r.Context())
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

// token returns a token that outlives a call's beginning.
func (t *Tokens) token(ctx context.Context) (string, error) {
	t.mu.Lock()
	now := t.now()
	if now.Before(t.until.Add(-stopBefore)) {
		if !now.Before(t.until.Add(-renewBefore)) && !now.Before(t.idle) {
			t.ask(ctx)
		}
		defer t.mu.Unlock()
		return t.held, nil
	}
	flight := t.ask(ctx)
	t.mu.Unlock()
	select {
	case <-flight.done:
	case <-ctx.Done():
		kind, _ := providers.ContextKind(ctx)
		return "", &providers.Error{Kind: kind, Charge: providers.ChargeNone, Message: "no token came", Err: context.Cause(ctx)}
	}
	if flight.err != nil {
		own := *flight.err // each caller adds to it what it is about
		return "", &own
	}
	return flight.token, nil
}

// ask begins a request for a token, or returns the one that is under way. It is called
// with the lock held. The request outlives the caller, since others wait for it.
func (t *Tokens) ask(ctx context.Context) *flight {
	if t.flight == nil {
		t.flight = &flight{done: make(chan struct{})}
		go t.fly(context.WithoutCancel(ctx), t.flight)
	}
	return t.flight
}

func (t *Tokens) fly(ctx context.Context, f *flight) {
	slow := &providers.LimitError{Limit: "token", After: patience}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, slow)
	defer cancel()
	var given struct {
		Token   string  `json:"access_token"`
		Seconds float64 `json:"expires_in"`
	}
	call := t.call
	call.Out = &given
	_, err := t.host.Do(ctx, call)
	if err == nil && given.Token == "" {
		err = &providers.Error{Kind: providers.KindUnreadable, Message: "the answer holds no token"}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	defer close(f.done)
	t.flight = nil
	if err != nil {
		f.err, t.idle = refusal(err), t.now().Add(renewAgain)
		return
	}
	f.token = given.Token
	t.held, t.until = given.Token, t.now().Add(time.Duration(given.Seconds*float64(time.Second)))
}

// refusal is the failure of a request for a token: it cost nothing, and what the host
// refuses is always a matter of the credentials.
func refusal(err error) *providers.Error {
	var e *providers.Error
	if !errors.As(err, &e) {
		return &providers.Error{Kind: providers.KindServer, Charge: providers.ChargeNone, Err: err}
	}
	switch e.Kind {
	case providers.KindInvalid, providers.KindPermission, providers.KindModelGone, providers.KindUnsupported:
		e.Kind = providers.KindAuth
	}
	e.Charge = providers.ChargeNone
	return e
}

// Secrets are what no error may show.
func (t *Tokens) Secrets() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return []string{t.held}
}

// Drop forgets a token that was refused, so that the next call asks for another.
func (t *Tokens) Drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held, t.until = "", time.Time{}
}
