package emulator

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// scope is what a token of a service account has to be asked for.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// Limits of a signed request for a token
// (https://developers.google.com/identity/protocols/oauth2/service-account).
const (
	maxLife = time.Hour
	skew    = 5 * time.Minute
	maxKeys = 100 // that are kept
)

// keys are the public keys of service accounts, by their ids.
type keys struct {
	mu    sync.Mutex
	known map[string]key
}

type key struct {
	account string
	public  *rsa.PublicKey
}

func newKeys() *keys { return &keys{known: map[string]key{}} }

// newKey makes a key of a service account, as IAM does
// (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys/create).
func (e *emulator) newKey(r *http.Request) (any, *lab.Failure) {
	account := r.PathValue("account")
	if !strings.HasSuffix(account, "@"+project+".iam.gserviceaccount.com") {
		return nil, &lab.Failure{Status: http.StatusNotFound, Message: "Unknown service account"}
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, lab.NotKept(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, lab.NotKept(err)
	}
	sum := sha256.Sum256(der)
	id := hex.EncodeToString(sum[:20])
	if !e.keys.add(id, key{account, &private.PublicKey}) {
		return nil, &lab.Failure{Status: http.StatusTooManyRequests, Message: "Maximum number of keys on account reached."}
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": project, "private_key_id": id, "client_email": account,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_id":   "100000000000000000000", "token_uri": lab.Address(r, "/token", nil),
		"universe_domain": "googleapis.com",
	})
	if err != nil {
		return nil, lab.NotKept(err)
	}
	return map[string]any{
		"name":           "projects/" + project + "/serviceAccounts/" + account + "/keys/" + id,
		"privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE", "keyAlgorithm": "KEY_ALG_RSA_2048",
		"privateKeyData": base64.StdEncoding.EncodeToString(file), "keyOrigin": "GOOGLE_PROVIDED",
	}, nil
}

func (k *keys) add(id string, added key) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= maxKeys {
		return false
	}
	k.known[id] = added
	return true
}

func (k *keys) find(id string) (key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, ok := k.known[id]
	return found, ok
}

// assertion is what a signed request for a token says (RFC 7523).
type assertion struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Scope    string `json:"scope"`
	Issued   int64  `json:"iat"`
	Ends     int64  `json:"exp"`
}

// check verifies a signed request and returns whose it is, or what is wrong with it.
func (k *keys) check(token, audience string, now time.Time) (account, fault string) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", "Bad Request: the assertion is no JWT"
	}
	var header struct {
		Algorithm string `json:"alg"`
		ID        string `json:"kid"`
	}
	var said assertion
	if !decode(parts[0], &header) || !decode(parts[1], &said) {
		return "", "Invalid JWT: it can not be decoded"
	}
	signer, found := k.find(header.ID)
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch {
	case header.Algorithm != "RS256" || !found || err != nil,
		rsa.VerifyPKCS1v15(signer.public, crypto.SHA256, sum[:], signature) != nil:
		return "", "Invalid JWT Signature."
	case said.Issuer != signer.account:
		return "", "Invalid grant: account not found"
	case said.Audience != audience:
		return "", "Invalid JWT: Failed audience check. The right audience is " + audience
	case !slices.Contains(strings.Fields(said.Scope), scope):
		return "", "Invalid OAuth scope or ID token audience provided."
	}
	return signer.account, said.timely(now)
}

// timely says what is wrong with the times of a request.
func (a assertion) timely(now time.Time) string {
	issued, ends := time.Unix(a.Issued, 0), time.Unix(a.Ends, 0)
	if ends.Sub(issued) > maxLife || now.After(ends.Add(skew)) || issued.After(now.Add(skew)) {
		return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. " +
			"Check your iat and exp values in the JWT claim."
	}
	return ""
}

// decode reads a part of a JWT.
func decode(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}
