package token

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/wire"
)

// Any stands in a mapping for every value that is not listed, or for the lack of any.
const Any = "*"

// Issuer says for whom the tokens of a source speak. Tenants and Scopes are required.
type Issuer struct {
	Source
	// TenantClaim and ScopesClaim are names of claims; a name with dots leads into objects.
	TenantClaim, ScopesClaim string
	// Tenants are the names of tenants by the value of TenantClaim.
	Tenants map[string]string
	// Scopes are those of keys by a word of ScopesClaim.
	Scopes map[string]string
	// Models are those that identities may ask. Defaults to all.
	Models []string
}

// Identity is who a token speaks for, and what it may.
type Identity struct {
	Issuer, Subject string
	Tenant          string // its name
	Scopes, Models  []string
	Expires         time.Time // until when the token is taken
}

// Issuers check the tokens of several sources. They are safe for concurrent use.
type Issuers []configured

type configured struct {
	Issuer
	verifier *Verifier
}

// New returns the issuers.
func New(issuers []Issuer) Issuers {
	var all Issuers
	for _, i := range issuers {
		all = append(all, configured{i, NewVerifier(i.Source)})
	}
	return all
}

// Identify checks a token and says for whom it speaks. It fails with a fault: 401 and 503 as in
// Verify, 403 where a good token gives no rights here.
func (i Issuers) Identify(ctx context.Context, raw string) (Identity, error) {
	told, err := read(raw)
	if err != nil {
		return Identity{}, err
	}
	one, found := i.of(told)
	if !found {
		return Identity{}, refused("The token is of an identity provider that is not configured here.")
	}
	claims, err := one.verifier.verify(ctx, raw, told)
	if err != nil {
		return Identity{}, err
	}
	return one.identity(claims)
}

// of returns the issuer of a token: the one whose audience it has, where several have its name.
func (i Issuers) of(told unverified) (one configured, found bool) {
	for _, c := range i {
		if !c.verifier.issued(told.issuer) {
			continue
		}
		if one, found = c, true; slices.Contains(told.audience, c.Audience) {
			break
		}
	}
	return one, found
}

func (i Issuer) identity(c Claims) (Identity, error) {
	tenants := mapped(i.Tenants, c.texts(i.TenantClaim))
	if len(tenants) != 1 {
		return Identity{}, forbidden("The token names no tenant of this API, or several: " +
			"the operator maps its claims under oidc.tenants.")
	}
	var words []string
	for _, text := range c.texts(i.ScopesClaim) {
		words = append(words, strings.Fields(text)...)
	}
	scopes := mapped(i.Scopes, words)
	if len(scopes) == 0 {
		return Identity{}, forbidden("The token gives no scope of this API: the operator maps its claims under oidc.scopes.")
	}
	return Identity{
		Issuer: i.Source.Issuer, Subject: c.Subject, Tenant: tenants[0], Scopes: scopes, Models: i.Models, Expires: c.Expires,
	}, nil
}

// mapped returns what the values stand for, each once and in order. Any holds where none is listed.
func mapped(by map[string]string, values []string) []string {
	var all []string
	for _, value := range values {
		if to, listed := by[value]; listed && value != Any {
			all = append(all, to)
		}
	}
	if to, any := by[Any]; any && len(all) == 0 {
		all = append(all, to)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func forbidden(message string) *wire.Fault {
	return &wire.Fault{Status: http.StatusForbidden, Code: "forbidden", Message: message}
}
