package bedrock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// service is the name by which requests to both of Bedrock's hosts are signed.
const service = "bedrock"

// credential is what the account is asked with: an API key, or an access key that
// signs (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html).
type credential struct {
	bearer              string
	id, secret, session string
	region              string
	now                 func() time.Time
}

// authorize puts the credential into a request.
func (c *credential) authorize(r *http.Request) error {
	if c.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
		return nil
	}
	sum, err := bodySum(r)
	if err != nil {
		return err
	}
	keys := aws.Credentials{AccessKeyID: c.id, SecretAccessKey: c.secret, SessionToken: c.session}
	return v4.NewSigner().SignHTTP(r.Context(), keys, r, sum, service, c.region, c.now())
}

// secrets are what must not be shown, beside the API key.
func (c *credential) secrets() []string { return []string{c.secret, c.session} }

// bodySum returns the SHA-256 of a request's body, in hexadecimal.
func bodySum(r *http.Request) (string, error) {
	hash := sha256.New()
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return "", fmt.Errorf("read the body to sign: %w", err)
		}
		defer body.Close()
		if _, err := io.Copy(hash, body); err != nil {
			return "", fmt.Errorf("read the body to sign: %w", err)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
