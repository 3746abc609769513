package snowflake

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// Lives of a signed token: Snowflake takes none that is valid for more than an hour.
const (
	tokenLife = 59 * time.Minute
	renewal   = 5 * time.Minute // before its end
)

// signer makes tokens of a user's key
// (https://docs.snowflake.com/en/developer-guide/sql-api/authenticating#using-key-pair-authentication).
// It is safe for concurrent use.
type signer struct {
	key             *rsa.PrivateKey
	issuer, subject string
	now             func() time.Time

	mu    sync.Mutex
	token string
	ends  time.Time
}

func newSigner(value func(env string) string, account string, now func() time.Time) (*signer, error) {
	text, from := []byte(value(envKey)), envKey
	if file := value(envKeyFile); len(text) == 0 && file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("%s: %w", envKeyFile, err)
		}
		from = envKeyFile
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("%s: set it to an access token, or %s to a private key", envToken, envKeyFile)
	}
	user := strings.ToUpper(strings.TrimSpace(value(envUser)))
	if user == "" {
		return nil, fmt.Errorf("%s: set it to the user whose key signs", envUser)
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	sum := sha256.Sum256(public)
	subject := account + "." + user
	issuer := subject + ".SHA256:" + base64.StdEncoding.EncodeToString(sum[:])
	return &signer{key: key, issuer: issuer, subject: subject, now: now}, nil
}

// parseKey reads a private key. What is wrong with it is said without its text.
func parseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the private key is not in PEM form")
	}
	switch block.Type {
	case "RSA PRIVATE KEY":
		if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return key, nil
		}
	case "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if key, ok := parsed.(*rsa.PrivateKey); err == nil && ok {
			return key, nil
		}
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the private key is encrypted: decrypt it first, with openssl pkcs8")
	}
	return nil, errors.New("there is no RSA private key in it")
}

// sign returns a token that is valid for a while.
func (s *signer) sign() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.token != "" && s.ends.Sub(now) > renewal {
		return s.token, nil
	}
	ends := now.Add(tokenLife)
	claims, err := json.Marshal(map[string]any{
		"iss": s.issuer, "sub": s.subject, "iat": now.Unix(), "exp": ends.Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("encode the token: %w", err)
	}
	part := base64.RawURLEncoding.EncodeToString
	signed := part([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	s.token, s.ends = signed+"."+part(signature), ends
	return s.token, nil
}
