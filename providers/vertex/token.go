package vertex

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// early is how long before its end a token is replaced. The metadata server keeps one
// for itself until four minutes before; Google's own clients ask at 3:45.
const early = 225 * time.Second

// tokens keeps the access token, and gets a new one before it ends. It is safe for
// concurrent use: one asks, the others wait for the answer or for their context.
type tokens struct {
	credential *credential
	now        func() time.Time
	asking     chan struct{} // holds one value while somebody asks

	mu     sync.Mutex
	token  string
	ends   time.Time
	proved bool // the vendor has taken it
}

func newTokens(c *credential, now func() time.Time) *tokens {
	return &tokens{credential: c, now: now, asking: make(chan struct{}, 1)}
}

// get returns a token that is valid for a while.
func (t *tokens) get(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if token, left := t.kept(); left > early {
		return token, nil
	}
	select {
	case t.asking <- struct{}{}:
		defer func() { <-t.asking }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	token, left := t.kept()
	if left > early { // another has asked meanwhile
		return token, nil
	}
	given, err := t.credential.ask(ctx)
	if err != nil {
		if left > 0 {
			return token, nil // the old one still does
		}
		return "", err
	}
	t.keep(given)
	return given.AccessToken, nil
}

// kept returns the token and for how long it is valid.
func (t *tokens) kept() (string, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == "" {
		return "", 0
	}
	return t.token, t.ends.Sub(t.now())
}

func (t *tokens) keep(given *oauth2.Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token, t.proved = given.AccessToken, false
	t.ends = t.now().Add(time.Until(given.Expiry)) // by our clock, whatever the machine's says
}

// secrets are what must never be shown: the token and what it was had with.
func (t *tokens) secrets() []string {
	token, _ := t.kept()
	return append([]string{token}, t.credential.secrets...)
}

// taken remembers that the vendor has taken a token.
func (t *tokens) taken(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.proved = t.proved || t.token == token
}

// drop forgets a token that was refused, and tells whether a new one may help: not in
// place of one that was never taken.
func (t *tokens) drop(refused string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != refused {
		return t.token != "" // another has replaced it
	}
	if !t.proved {
		return false
	}
	t.token = ""
	return true
}

// renewing sends a request once more, with a new token, where its token was refused
// though it was taken before: it was revoked, or has ended by the vendor's clock.
// Nothing was done for a request that was turned away at the door.
type renewing struct {
	base   http.RoundTripper
	tokens *tokens
}

// RoundTrip sends a request.
func (r *renewing) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.send(request)
	if err != nil || response.StatusCode != http.StatusUnauthorized || request.Body != nil && request.GetBody == nil {
		return response, err
	}
	if !r.tokens.drop(tokenOf(request)) {
		return response, nil
	}
	again := request.Clone(request.Context())
	if r.tokens.authorize(again) != nil {
		return response, nil // what was answered says enough
	}
	if request.GetBody != nil {
		if again.Body, err = request.GetBody(); err != nil {
			return response, nil
		}
	}
	response.Body.Close()
	return r.send(again)
}

// send sends a request once.
func (r *renewing) send(request *http.Request) (*http.Response, error) {
	response, err := r.base.RoundTrip(request)
	if err == nil && response.StatusCode != http.StatusUnauthorized {
		r.tokens.taken(tokenOf(request))
	}
	return response, err
}

// tokenOf returns the token that a request bears.
func tokenOf(request *http.Request) string {
	return strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")
}
