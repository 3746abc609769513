package azure

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// The scopes of tokens: Microsoft's SDKs ask for the first, and its pages of 2026-09 for
// the second.
const (
	scopeOfResource = "https://cognitiveservices.azure.com/.default"
	scopeOfProject  = "https://ai.azure.com/.default"
	scopeOfManager  = "https://management.azure.com/.default"
)

// When a token is renewed. Entra ID gives one for an hour and longer.
const (
	renewBefore = 5 * time.Minute  // its end, while calls still go out with it
	stopBefore  = 30 * time.Second // its end: a call under way must not outlive it
	renewAgain  = 10 * time.Second // after a renewal that failed
	patience    = 30 * time.Second // with the host that gives them out
)

// tokens are what Entra ID gives to an application
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
// One is asked for at a time, whoever waits for it, and before the last one ends. It is
// safe for concurrent use.
type tokens struct {
	host *openai.Client
	call openai.Call
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

// errNoApplication says what is missing for a token.
var errNoApplication = errors.New("AZURE_OPENAI_API_KEY: set it to a key of the resource, or set all of AZURE_TENANT_ID, " +
	"AZURE_CLIENT_ID and AZURE_CLIENT_SECRET for Entra ID")

// scope is what a resource's tokens are asked for.
func (at resource) scope(value func(env string) string) string {
	usual := scopeOfResource
	if at.project {
		usual = scopeOfProject
	}
	return cmp.Or(value("AZURE_OPENAI_SCOPE"), usual)
}

func newTokens(value func(env string) string, scope string, config providers.Config) (*tokens, error) {
	tenant, id, secret := value("AZURE_TENANT_ID"), value("AZURE_CLIENT_ID"), value("AZURE_CLIENT_SECRET")
	if tenant == "" || id == "" || secret == "" {
		return nil, errNoApplication
	}
	authority, err := openai.CheckBase("AZURE_AUTHORITY_HOST", value("AZURE_AUTHORITY_HOST"))
	if err != nil {
		return nil, err
	}
	now := config.Now
	if now == nil {
		now = time.Now
	}
	unsigned := func(*http.Request) error { return nil } // the form holds the secret
	return &tokens{
		host: openai.New(openai.Dialect{Provider: name, Base: authority, Key: secret, Authorize: unsigned}, config),
		now:  now,
		call: openai.Call{
			Method: http.MethodPost, URL: authority + "/" + url.PathEscape(tenant) + "/oauth2/v2.0/token",
			Form: url.Values{
				"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret},
				"scope": {scope},
			},
		},
	}, nil
}

// authorize puts a token into a request.
func (t *tokens) authorize(r *http.Request) error {
	token, err := t.token(r.Context())
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

// token returns a token that outlives a call's beginning.
func (t *tokens) token(ctx context.Context) (string, error) {
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
func (t *tokens) ask(ctx context.Context) *flight {
	if t.flight == nil {
		t.flight = &flight{done: make(chan struct{})}
		go t.fly(context.WithoutCancel(ctx), t.flight)
	}
	return t.flight
}

func (t *tokens) fly(ctx context.Context, f *flight) {
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

// refusal is the failure of a request for a token: it cost nothing, and what Entra ID
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

// secrets are what no error may show.
func (t *tokens) secrets() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return []string{t.held}
}

// classify also drops a token that is refused, so that the next call asks for another.
func (t *tokens) classify(f openai.Failure, e *providers.Error) {
	classify(f, e)
	if f.Status != http.StatusUnauthorized {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held, t.until = "", time.Time{}
}
