package gate

import (
	"net/http"
	"strings"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
)

// Access says which requests may call a route.
type Access int

// The levels of access to a route.
const (
	Open     Access = iota // without a key
	Use                    // a key
	Admin                  // an admin key
	Browser                // an admin key, by Basic authentication too
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
	scope := store.ScopeUse
	if who != Use {
		scope = store.ScopeAdmin
	}
	if !key.Has(scope) {
		return key, &wire.Fault{
			Status: http.StatusForbidden, Code: "forbidden",
			Message: "The API key lacks the scope " + scope + " that this route needs: use another key.",
		}
	}
	return key, nil
}

func secretOf(r *http.Request, basic bool) string {
	if _, password, ok := r.BasicAuth(); ok && basic {
		return password
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
