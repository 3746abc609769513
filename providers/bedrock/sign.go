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

// The names by which requests are signed: Bedrock's to both of its hosts.
const (
	service       = "bedrock"
	objectService = "s3"
)

// unsigned stands for the sum of a body that is made while it is sent.
const unsigned = "UNSIGNED-PAYLOAD"

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
	return v4.NewSigner().SignHTTP(r.Context(), c.keys(), r, sum, service, c.region, c.now())
}

// signObject signs a request to S3, where paths are escaped once and the sum of the
// body stands in a header.
func (c *credential) signObject(r *http.Request) error {
	sum, err := bodySum(r)
	if err != nil {
		return err
	}
	r.Header.Set("X-Amz-Content-Sha256", sum)
	once := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }
	return v4.NewSigner().SignHTTP(r.Context(), c.keys(), r, sum, objectService, c.region, c.now(), once)
}

func (c *credential) keys() aws.Credentials {
	return aws.Credentials{AccessKeyID: c.id, SecretAccessKey: c.secret, SessionToken: c.session}
}

// canSign tells whether there is an access key.
func (c *credential) canSign() bool { return c.id != "" && c.secret != "" }

// secrets are what must not be shown, beside the API key.
func (c *credential) secrets() []string { return []string{c.secret, c.session} }

// bodySum returns the SHA-256 of a request's body, in hexadecimal. One that is read
// only once is not signed.
func bodySum(r *http.Request) (string, error) {
	hash := sha256.New()
	if r.GetBody == nil && r.Body != nil && r.Body != http.NoBody {
		return unsigned, nil
	}
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
