// Package token checks tokens of OpenID Connect: who issued them, for whom, by which key and for how
// long, and says for which tenant and with which scopes they speak. It knows no API key and no
// store; package gate asks it for bearers that look like a token.
package token

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"dreamlab/cmd/internal/api/wire"
)

const (
	// maxToken bounds a token, in bytes.
	maxToken = 16 << 10
	// maxSubject is what a subject has at most (https://openid.net/specs/openid-connect-core-1_0.html#IDToken).
	maxSubject = 255
	// Skew is how far the issuer's clock may be from ours.
	Skew = time.Minute
)

// algorithms are those that are taken: with a key that is no secret.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// Is tells whether a bearer looks like a token: three parts of which the first is a JSON object.
func Is(secret string) bool {
	return strings.HasPrefix(secret, "eyJ") && strings.Count(secret, ".") == 2
}

// Source says whose tokens are taken. Issuer and Audience are required.
type Source struct {
	Issuer   string // its URL, as in iss
	Audience string // one of aud
	// Keys is the URL of the signing keys. Defaults to what the issuer's discovery names.
	Keys string
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Claims are what a token that was checked says.
type Claims struct {
	Subject string
	Expires time.Time // until when it is taken
	all     map[string]json.RawMessage
}

// Verifier checks the tokens of a source. It is safe for concurrent use.
type Verifier struct {
	Source
	keys *keySet
}

// NewVerifier returns a verifier. It asks the issuer for nothing before the first token.
func NewVerifier(s Source) *Verifier {
	if s.Now == nil {
		s.Now = time.Now
	}
	return &Verifier{Source: s, keys: newKeySet(s)}
}

// Reach tells whether the issuer gives its keys, and how many.
func (v *Verifier) Reach(ctx context.Context) (keys int, err error) {
	known, err := v.keys.fetch(ctx)
	return len(known), err
}

// unverified is what a token says of itself before its signature is checked.
type unverified struct {
	kid, algorithm string
	issuer         string
	audience       []string
}

// read takes a token apart, or says why it is none that is taken.
func read(raw string) (unverified, error) {
	if len(raw) > maxToken {
		return unverified{}, refused("The token is too long: one has at most 16 KiB.")
	}
	signed, err := jose.ParseSignedCompact(raw, algorithms)
	var other *jose.ErrUnexpectedSignatureAlgorithm
	if errors.As(err, &other) {
		return unverified{}, refused("The token is signed by an algorithm that is not taken: RS, PS or ES of 256 to 512, and EdDSA are.")
	}
	if err != nil {
		return unverified{}, refused("The token can not be read: send it whole, as the identity provider gave it.")
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Audience any    `json:"aud"`
	}
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &claims) != nil {
		return unverified{}, refused("The token holds no claims: send one that the identity provider gave.")
	}
	header := signed.Signatures[0].Header
	return unverified{header.KeyID, header.Algorithm, claims.Issuer, texts(claims.Audience)}, nil
}

// Verify checks a token. It fails with a fault: 401 where the token is not one of the source's and
// of now, 503 where the issuer can not be asked for its keys.
func (v *Verifier) Verify(ctx context.Context, raw string) (Claims, error) {
	told, err := read(raw)
	if err != nil {
		return Claims{}, err
	}
	return v.verify(ctx, raw, told)
}

func (v *Verifier) verify(ctx context.Context, raw string, told unverified) (Claims, error) {
	if !v.issued(told.issuer) {
		return Claims{}, refused("The token is of an identity provider that is not configured here.")
	}
	if !slices.Contains(told.audience, v.Audience) {
		return Claims{}, refused("The token is made for another audience: ask the identity provider for one that is made for this API.")
	}
	key, err := v.keys.find(ctx, told.kid)
	if err != nil {
		return Claims{}, err
	}
	if key.Algorithm != "" && key.Algorithm != told.algorithm {
		return Claims{}, refused("The token is signed by another algorithm than its key is for.")
	}
	checks := oidc.NewVerifier(v.Issuer, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key.Key}}, &oidc.Config{
		ClientID: v.Audience, SupportedSigningAlgs: names(algorithms),
		SkipExpiryCheck: true, // it knows no skew for exp, and one of five minutes for nbf: see inTime
	})
	checked, err := checks.Verify(ctx, raw)
	if err != nil {
		return Claims{}, refused("The token's signature is not its issuer's, or it was changed: ask for a new one.")
	}
	return v.claims(checked)
}

// issued tells whether an issuer is the source's. Google's has two names.
func (v *Verifier) issued(issuer string) bool {
	return issuer == v.Issuer || v.Issuer == Google && issuer == strings.TrimPrefix(Google, "https://")
}

// Google is the issuer of Google's identity tokens
// (https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken).
const Google = "https://accounts.google.com"

// claims reads what a token with a good signature says.
func (v *Verifier) claims(checked *oidc.IDToken) (Claims, error) {
	c := Claims{Subject: checked.Subject, Expires: checked.Expiry.Add(Skew)}
	var times struct {
		NotBefore float64 `json:"nbf"`
	}
	if checked.Claims(&c.all) != nil || checked.Claims(&times) != nil || c.Subject == "" || len(c.Subject) > maxSubject {
		return c, refused("The token names no subject of at most 255 bytes.")
	}
	now := v.Now()
	switch {
	case checked.Expiry.IsZero():
		return c, refused("The token has no end: ask for one that expires.")
	case !now.Before(c.Expires):
		return c, refused("The token has expired: ask the identity provider for a new one.")
	case float64(now.Add(Skew).Unix()) < times.NotBefore || now.Add(Skew).Before(checked.IssuedAt):
		return c, refused("The token is not valid yet: use it later, and see that the clocks are right.")
	}
	return c, nil
}

// Text returns a claim that is a text, else "".
func (c Claims) Text(name string) string {
	all := c.texts(name)
	if len(all) != 1 {
		return ""
	}
	return all[0]
}

// True tells whether a claim is the value true.
func (c Claims) True(name string) bool { return string(c.all[name]) == "true" }

// texts returns the texts of a claim: of a list, or of a text alone. A name with dots that is no claim
// leads into objects, as realm_access.roles does.
func (c Claims) texts(name string) []string {
	in := c.all
	for {
		if text, found := in[name]; found {
			var v any
			if json.Unmarshal(text, &v) != nil {
				return nil
			}
			return texts(v)
		}
		first, rest, dotted := strings.Cut(name, ".")
		var next map[string]json.RawMessage
		if !dotted || json.Unmarshal(in[first], &next) != nil {
			return nil
		}
		in, name = next, rest
	}
}

func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			if text, ok := one.(string); ok {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}

func names(algorithms []jose.SignatureAlgorithm) []string {
	all := make([]string, len(algorithms))
	for i, a := range algorithms {
		all[i] = string(a)
	}
	return all
}

func refused(message string) *wire.Fault {
	return &wire.Fault{Status: http.StatusUnauthorized, Code: "invalid_api_key", Message: message}
}
