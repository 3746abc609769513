package gate

import (
	"net/http"
	"net/netip"
	"strings"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
)

// Access says which requests may call a route.
type Access int

// The levels of access to a route.
const (
	Open     Access = iota // without a key
	View                   // a key of any scope
	Use                    // a key that may ask
	Review                 // a key that may decide on examples
	Admin                  // an admin key
	Browser                // an admin key, by Basic authentication or a session of the pages too
	Loopback               // without a key on this machine, elsewhere an admin key
)

// admit returns the caller's key, or refuses.
func (g *Gate) admit(r *http.Request, who Access) (store.Key, error) {
	if who == Open || who == Loopback && fromHere(r) {
		return store.Key{}, nil
	}
	key, err := g.keys.find(r.Context(), secretOf(r, who == Browser))
	if err != nil {
		return key, err
	}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); len(key.Networks) > 0 && (err != nil || !key.Comes(from.Addr())) {
		return key, &wire.Fault{
			Status: http.StatusForbidden, Code: "forbidden",
			Message: "The API key may not be used from this address: ask from one of its networks, or change them.",
		}
	}
	scope := who.scope()
	if !key.Has(scope) {
		return key, &wire.Fault{
			Status: http.StatusForbidden, Code: "forbidden",
			Message: "The API key lacks the scope " + scope + " that this route needs: use another key.",
		}
	}
	return key, nil
}

// scope is what a key needs.
func (a Access) scope() string {
	switch a {
	case View:
		return store.ScopeView
	case Use:
		return store.ScopeUse
	case Review:
		return store.ScopeReview
	}
	return store.ScopeAdmin
}

func secretOf(r *http.Request, browser bool) string {
	if _, password, ok := r.BasicAuth(); ok && browser {
		return password
	}
	if cookie, err := r.Cookie(wire.SessionCookie); err == nil && browser && r.Header.Get("Authorization") == "" {
		return cookie.Value
	}
	if key := r.Header.Get("X-Api-Key"); key != "" && r.Header.Get("Authorization") == "" { // as Anthropic's clients send it
		return strings.TrimSpace(key)
	}
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}
