package happening

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

// googleKeys is where Google tells by which keys it signs
// (https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken).
const googleKeys = "https://www.googleapis.com/oauth2/v3/certs"

// Bounds of asking for the keys.
const (
	keysFor     = time.Hour
	keysPause   = time.Minute // between two requests for a key that is not among those known
	keysTimeout = 5 * time.Second
	maxKeys     = 256 << 10 // bytes
	skew        = time.Minute
)

// Signer says whose tokens are taken. Its zero value takes none.
type Signer struct {
	// Account is the e-mail address of the service account, and Audience is what its tokens are
	// made for: the address of the route.
	Account, Audience string
	// Keys is where the signing keys are. Defaults to Google's.
	Keys string
}

// verifier checks tokens of OpenID Connect that Google signed. It is safe for concurrent use.
type verifier struct {
	Signer
	now func() time.Time

	mu    sync.Mutex
	known map[string]*rsa.PublicKey
	asked time.Time
}

var errToken = errors.New("the token is not one of the service account's")

type claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Email    string `json:"email"`
	Verified bool   `json:"email_verified"`
	Expires  int64  `json:"exp"`
	Issued   int64  `json:"iat"`
}

// check refuses a token that is not the account's, for the audience, and of now.
func (v *verifier) check(ctx context.Context, token string) error {
	parts := strings.Split(token, ".")
	if v.Account == "" || v.Audience == "" || len(parts) != 3 {
		return errToken
	}
	var header struct {
		Algorithm string `json:"alg"`
		Key       string `json:"kid"`
	}
	var c claims
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err = errors.Join(err, decodePart(parts[0], &header), decodePart(parts[1], &c)); err != nil || header.Algorithm != "RS256" {
		return errToken
	}
	key, err := v.key(ctx, header.Key)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil || !v.fits(c) {
		return errToken
	}
	return nil
}

func (v *verifier) fits(c claims) bool {
	now := v.now()
	issued := c.Issuer == "https://accounts.google.com" || c.Issuer == "accounts.google.com"
	return issued && c.Audience == v.Audience && c.Email == v.Account && c.Verified &&
		now.Before(time.Unix(c.Expires, 0).Add(skew)) && now.After(time.Unix(c.Issued, 0).Add(-skew))
}

func decodePart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// key finds a signing key, and asks for all where it is not known or they are old.
func (v *verifier) key(ctx context.Context, id string) (*rsa.PublicKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	age := v.now().Sub(v.asked)
	key := v.known[id]
	if age > keysFor || key == nil && age > keysPause {
		known, err := v.fetch(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask for the signing keys: %w", err)
		}
		v.known, v.asked = known, v.now()
		key = known[id]
	}
	if key == nil {
		return nil, errToken
	}
	return key, nil
}

func (v *verifier) fetch(ctx context.Context) (map[string]*rsa.PublicKey, error) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, v.Keys, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxKeys))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d", answer.StatusCode)
	}
	return readKeys(text)
}

// readKeys reads a JSON Web Key Set (RFC 7517); keys of other sorts are left out.
func readKeys(text []byte) (map[string]*rsa.PublicKey, error) {
	var set struct {
		Keys []struct{ Kid, Kty, N, E string }
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	known := make(map[string]*rsa.PublicKey, len(set.Keys))
	for _, k := range set.Keys {
		n, err := base64.RawURLEncoding.DecodeString(k.N)
		e, errE := base64.RawURLEncoding.DecodeString(k.E)
		if errors.Join(err, errE) != nil || k.Kty != "RSA" || len(e) > 4 {
			continue
		}
		known[k.Kid] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	}
	return known, nil
}
