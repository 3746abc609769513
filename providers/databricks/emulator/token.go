package emulator

import (
	"net/http"
	"sync"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// Client is the one service principal that may have tokens. Its secret is the lab's
// credential.
const Client = "7d1f9c2e-5555-4666-8777-888899990000"

// tokenLife is how long a token is valid.
const tokenLife = time.Hour

// tokens are those that were given out, until when they are valid.
type tokens struct {
	clock func() time.Time

	mu    sync.Mutex
	given map[string]time.Time
}

func (t *tokens) give() string {
	token := "eyJ" + lab.NewID("") + "." + lab.NewID("") + "." + lab.NewID("")
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.given == nil {
		t.given = map[string]time.Time{}
	}
	for old, until := range t.given {
		if !t.clock().Before(until) {
			delete(t.given, old)
		}
	}
	t.given[token] = t.clock().Add(tokenLife)
	return token
}

func (t *tokens) valid(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.clock().Before(t.given[token])
}

// keyless is true of what gives tokens.
func keyless(r *http.Request) bool { return r.URL.Path == "/oidc/v1/token" }

// admit takes the personal access token, and those of the service principal.
func (e *emulator) admit(r *http.Request) *lab.Failure {
	switch key := lab.Bearer(r); {
	case key == "":
		return &lab.Failure{Status: http.StatusUnauthorized}
	case e.lab.KeyFits(key), e.tokens.valid(key):
		return nil
	}
	return &lab.Failure{Status: http.StatusForbidden}
}

// token answers the client credentials flow (https://docs.databricks.com/dev-tools/auth/oauth-m2m).
func (e *emulator) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	switch {
	case id != Client || !e.lab.KeyFits(secret):
		refuseToken(w, http.StatusUnauthorized, "invalid_client", "Client authentication failed")
	case r.PostFormValue("grant_type") != "client_credentials":
		refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "The grant type is not supported")
	case r.PostFormValue("scope") != "all-apis":
		refuseToken(w, http.StatusBadRequest, "invalid_scope", "The scope is not known")
	default:
		lab.WriteJSON(w, http.StatusOK, map[string]any{
			"access_token": e.tokens.give(), "token_type": "Bearer", "scope": "all-apis", "expires_in": int(tokenLife.Seconds()),
		})
	}
}

// refuseToken writes the error of OAuth.
func refuseToken(w http.ResponseWriter, status int, code, why string) {
	lab.WriteJSON(w, status, map[string]any{"error": code, "error_description": why})
}
