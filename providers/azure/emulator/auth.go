package emulator

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// The one application that may have tokens. Its secret is the lab's credential.
const (
	Tenant = "11111111-2222-4333-8444-555555555555"
	Client = "66666666-7777-4888-9999-000000000000"
)

// tokenLife is how long a token is valid.
const tokenLife = time.Hour

// scopes are for what a token may be asked: Microsoft's SDKs use the first, its pages
// have the second since 2026-09.
func scopes() []string {
	return []string{"https://cognitiveservices.azure.com/.default", "https://ai.azure.com/.default", manager}
}

// manager is the scope of Azure Resource Manager, which takes no other token and no key.
const manager = "https://management.azure.com/.default"

// given is a token that is valid for a while.
type given struct {
	until time.Time
	scope string
}

// tokens are those that were given out and are still valid.
type tokens struct {
	clock func() time.Time

	mu    sync.Mutex
	given map[string]given
}

// give makes a token of a scope.
func (t *tokens) give(scope string) string {
	token := "eyJ" + lab.NewID("") + "." + lab.NewID("") + "." + lab.NewID("")
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.given == nil {
		t.given = map[string]given{}
	}
	for old, g := range t.given {
		if !t.clock().Before(g.until) {
			delete(t.given, old)
		}
	}
	t.given[token] = given{until: t.clock().Add(tokenLife), scope: scope}
	return token
}

// valid tells whether a token is good for Azure Resource Manager, or for the resource.
func (t *tokens) valid(token string, managing bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, found := t.given[token]
	return found && t.clock().Before(g.until) && managing == (g.scope == manager)
}

// keyless is true of the host that gives out tokens.
func (e *emulator) keyless(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token")
}

// admit takes the key in its own header, the key as a bearer token where the routes
// have no version, and a token of Entra ID.
func (e *emulator) admit(r *http.Request) *lab.Failure {
	token, key := lab.Bearer(r), r.Header.Get("Api-Key")
	managing := strings.HasPrefix(r.URL.Path, "/subscriptions/")
	switch {
	case managing && e.tokens.valid(token, true):
		return nil
	case managing:
		return &lab.Failure{Status: http.StatusUnauthorized, Code: "InvalidAuthenticationToken",
			Message: "The access token is invalid."}
	case key != "" && e.lab.KeyFits(key):
		return nil
	case key == "" && strings.HasPrefix(r.URL.Path, "/openai/v1/") && e.lab.KeyFits(token):
		return nil
	case key == "" && e.tokens.valid(token, false):
		return nil
	}
	return &lab.Failure{Status: http.StatusUnauthorized}
}

// dated is the form of an api-version.
var dated = regexp.MustCompile(`^20\d\d-\d\d-\d\d(-preview)?$`)

// versioned asks for an api-version everywhere but below /openai/v1.
func versioned(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		version := r.URL.Query().Get("api-version")
		switch {
		case strings.HasPrefix(r.URL.Path, "/openai/v1/"):
			if version != "" && version != "preview" && version != "latest" {
				fail(w, lab.Failure{Status: http.StatusBadRequest, Message: "API version not supported"})
				return
			}
		case !dated.MatchString(version): // as where there is nothing at all
			fail(w, lab.Failure{Status: http.StatusNotFound})
			return
		}
		next(w, r)
	}
}

// token answers the client credentials flow
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
func (e *emulator) token(w http.ResponseWriter, r *http.Request) {
	form := func(name string) string { return r.PostFormValue(name) }
	switch {
	case r.PathValue("tenant") != Tenant:
		refuseToken(w, http.StatusBadRequest, "invalid_request", "AADSTS90002: Tenant not found.")
	case form("grant_type") != "client_credentials":
		refuseToken(w, http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003: The grant type is not supported.")
	case form("client_id") != Client:
		refuseToken(w, http.StatusBadRequest, "unauthorized_client", "AADSTS700016: Application was not found in the directory.")
	case !e.lab.KeyFits(form("client_secret")):
		refuseToken(w, http.StatusUnauthorized, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
	case !slices.Contains(scopes(), form("scope")):
		refuseToken(w, http.StatusBadRequest, "invalid_scope", "AADSTS70011: The provided value for scope is not valid.")
	default:
		lab.WriteJSON(w, http.StatusOK, map[string]any{
			"token_type": "Bearer", "expires_in": int(tokenLife.Seconds()), "ext_expires_in": int(tokenLife.Seconds()),
			"access_token": e.tokens.give(form("scope")),
		})
	}
}

// refuseToken writes the error of the host that gives out tokens, which has a form of
// its own.
func refuseToken(w http.ResponseWriter, status int, code, why string) {
	lab.WriteJSON(w, status, map[string]any{
		"error": code, "error_description": why, "error_codes": []int{}, "trace_id": lab.NewID(""),
		"correlation_id": lab.NewID(""),
	})
}
