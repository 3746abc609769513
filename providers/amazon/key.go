// Package amazon is what the vendors that are services of AWS have in common: an access
// key that signs requests, a folder in S3 for files, bills by Cost Explorer, the hosts of a region and
// the names of errors. Signatures are made by AWS's own SDK for Go.
//
// It knows no service beside S3 and Cost Explorer: what a vendor says and means is in the vendor's folder.
package amazon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// The names of the settings that all of them read.
const (
	EnvID      = "AWS_ACCESS_KEY_ID"
	EnvSecret  = "AWS_SECRET_ACCESS_KEY"
	EnvSession = "AWS_SESSION_TOKEN"
	EnvRegion  = "AWS_REGION"
	EnvS3      = "AWS_ENDPOINT_URL_S3"
)

// objectService is the name by which requests to S3 are signed.
const objectService = "s3"

// unsigned stands for the sum of a body that is made while it is sent.
const unsigned = "UNSIGNED-PAYLOAD"

// Key is an access key, which signs
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html). It is safe for
// concurrent use.
type Key struct {
	Region string

	id, secret, session string
	now                 func() time.Time
}

// NewKey reads an access key from the settings. The clock defaults to time.Now.
func NewKey(value func(env string) string, region string, now func() time.Time) *Key {
	k := &Key{Region: region, id: value(EnvID), secret: value(EnvSecret), session: value(EnvSession), now: now}
	if k.now == nil {
		k.now = time.Now
	}
	return k
}

// Set tells whether there is a key.
func (k *Key) Set() bool { return k.id != "" && k.secret != "" }

// Secrets are what must not be shown.
func (k *Key) Secrets() []string { return []string{k.secret, k.session} }

// Sign signs a request to a service.
func (k *Key) Sign(r *http.Request, service string) error {
	sum, err := bodySum(r)
	if err != nil {
		return err
	}
	return v4.NewSigner().SignHTTP(r.Context(), k.credentials(), r, sum, service, k.Region, k.now())
}

// signObject signs a request to S3, where paths are escaped once and the sum of the
// body stands in a header.
func (k *Key) signObject(r *http.Request) error {
	sum, known := r.Context().Value(sumKey{}).(string)
	if !known {
		var err error
		if sum, err = bodySum(r); err != nil {
			return err
		}
	}
	r.Header.Set("X-Amz-Content-Sha256", sum)
	once := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }
	return v4.NewSigner().SignHTTP(r.Context(), k.credentials(), r, sum, objectService, k.Region, k.now(), once)
}

func (k *Key) credentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: k.id, SecretAccessKey: k.secret, SessionToken: k.session}
}

// sumKey finds the sum of a body in the context of its request.
type sumKey struct{}

// withSum says what the SHA-256 of a request's body is, in hexadecimal.
func withSum(ctx context.Context, sum string) context.Context {
	return context.WithValue(ctx, sumKey{}, sum)
}

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

// plainRegion is how a region is written, which becomes a part of a host's name.
var plainRegion = regexp.MustCompile(`^[a-z]{2,4}(-[a-z0-9]+){1,4}$`)

// IsRegion tells whether a text is written as a region is.
func IsRegion(text string) bool { return plainRegion.MatchString(text) }

// Host is where a service of a region is served.
func Host(service, region string) string {
	domain := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		domain = "amazonaws.com.cn"
	}
	return "https://" + service + "." + region + "." + domain
}
