package emulator

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// The kinds of token, as the header names them.
const (
	kindHeader = "X-Snowflake-Authorization-Token-Type"
	kindToken  = "PROGRAMMATIC_ACCESS_TOKEN"
	kindKey    = "KEYPAIR_JWT"
)

// Roles of the account, and whether they may use Cortex.
var roles = map[string]bool{"ACCOUNTADMIN": true, "PUBLIC": true, "CORTEX_USER": true, "READER": false}

// Limits of a signed token.
const (
	maxLife = time.Hour
	skew    = time.Minute
	maxKeys = 100 // that are kept
)

// keys are the public keys of users.
type keys struct {
	mu    sync.Mutex
	known map[string]*rsa.PublicKey // by user, upper case
}

func newKeys() *keys { return &keys{known: map[string]*rsa.PublicKey{}} }

// admit checks a request's token and role.
func (e *emulator) admit(r *http.Request) *lab.Failure {
	token, kind := lab.Bearer(r), r.Header.Get(kindHeader)
	signed := strings.Count(token, ".") == 2
	switch {
	case kind != "" && kind != kindToken && kind != kindKey:
		return &lab.Failure{Status: http.StatusUnauthorized}
	case kind == kindKey || kind == "" && signed:
		if !e.keys.fits(token, e.lab.Clock.Wall()) {
			return &lab.Failure{
				Status: http.StatusUnauthorized, Code: "390144",
				Message: fmt.Sprintf("JWT token is invalid. [%s]", lab.NewID("")),
			}
		}
	case !e.lab.KeyFits(token):
		return &lab.Failure{
			Status: http.StatusUnauthorized, Code: "394400", Message: "Programmatic access token is invalid.",
		}
	}
	return allowed(r.Header.Get("X-Snowflake-Role"))
}

// allowed checks the role that asks, which is the user's own where none is named.
func allowed(role string) *lab.Failure {
	if role == "" {
		return nil
	}
	may, found := roles[strings.ToUpper(role)]
	switch {
	case !found:
		return &lab.Failure{Status: http.StatusForbidden, Code: "390189", Message: fmt.Sprintf(
			"Role '%s' specified in the connect string is not granted to this user.", role)}
	case !may:
		return &lab.Failure{Status: http.StatusForbidden}
	}
	return nil
}

// claims are what a signed token says.
type claims struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	Issued  int64  `json:"iat"`
	Ends    int64  `json:"exp"`
}

// fits verifies a signed token: its signature, the fingerprint of the key that it names,
// and its times.
func (k *keys) fits(token string, now time.Time) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var said claims
	if !decode(parts[0], &header) || !decode(parts[1], &said) || header.Algorithm != "RS256" {
		return false
	}
	user, found := strings.CutPrefix(said.Subject, account+".")
	public := k.of(user)
	if !found || public == nil || said.Issuer != said.Subject+".SHA256:"+fingerprint(public) {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) != nil {
		return false
	}
	issued, ends := time.Unix(said.Issued, 0), time.Unix(said.Ends, 0)
	return ends.Sub(issued) <= maxLife && !now.After(ends) && !issued.After(now.Add(skew))
}

func decode(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

// fingerprint is the SHA-256 of a public key, as DESCRIBE USER shows it.
func fingerprint(public *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil { // an RSA key always marshals
		panic(err)
	}
	sum := sha256.Sum256(der)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (k *keys) of(user string) *rsa.PublicKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known[user]
}

func (k *keys) set(user string, public *rsa.PublicKey) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= maxKeys && k.known[user] == nil {
		return false
	}
	k.known[user] = public
	return true
}

// setKey is the one statement that is known, as
// https://docs.snowflake.com/en/user-guide/key-pair-auth has it.
var setKey = regexp.MustCompile(`(?i)^\s*ALTER\s+USER\s+([A-Z0-9_]+)\s+SET\s+RSA_PUBLIC_KEY\s*=\s*'([^']+)'\s*;?\s*$`)

// statement is the SQL API (https://docs.snowflake.com/en/developer-guide/sql-api/reference).
func (e *emulator) statement(_ *http.Request, ask *struct {
	Statement string `json:"statement"`
}) (any, *lab.Failure) {
	found := setKey.FindStringSubmatch(ask.Statement)
	if found == nil {
		return nil, &lab.Failure{
			Status: http.StatusUnprocessableEntity, Code: "001003", Message: "SQL compilation error: syntax error",
		}
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(found[2]), ""))
	if err != nil {
		der = nil
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	public, ok := parsed.(*rsa.PublicKey)
	if err != nil || !ok || !e.keys.set(strings.ToUpper(found[1]), public) {
		return nil, &lab.Failure{
			Status: http.StatusUnprocessableEntity, Code: "002046", Message: "SQL compilation error: New public key rejected",
		}
	}
	const done = "Statement executed successfully."
	return map[string]any{
		"code": "090001", "sqlState": "00000", "message": done, "statementHandle": lab.NewID(""),
		"createdOn": e.lab.Now().UnixMilli(), "data": [][]string{{done}},
	}, nil
}
