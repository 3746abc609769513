package amazon

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dreamlab/providers/sandbox/lab"
)

// Whose requests are taken: the secret of the access key is the lab's credential, which is
// taken as the key's id, too.
const (
	AccessKey = "AKIASANDBOX"
	Region    = "us-east-1"
	Account   = "123456789012"
)

// maxSigned bounds a body whose sum is computed, in bytes.
const maxSigned = 32 << 20

const algorithm = "AWS4-HMAC-SHA256"

// signature is what an Authorization header of AWS's holds.
type signature struct {
	id, date, region, service string
	headers                   []string
	sum                       string
}

// Admit computes the signature of a request to a service again
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
func Admit(l *lab.Lab, r *http.Request, service string) *lab.Failure {
	signed, refused := parseSignature(l, r, service)
	if refused != nil {
		return refused
	}
	sum, refused := bodySum(r)
	if refused != nil {
		return refused
	}
	return signed.verify(l.Credential(), r, sum)
}

// Forbid refuses a credential, by the name of the error.
func Forbid(kind, message string) *lab.Failure {
	return &lab.Failure{Status: http.StatusForbidden, Type: kind, Message: message}
}

// verify computes the signature again.
func (s *signature) verify(secret string, r *http.Request, bodySum string) *lab.Failure {
	if s.compute(secret, r, bodySum) != s.sum {
		return Forbid("InvalidSignatureException", "The request signature we calculated does not match the signature "+
			"you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// parseSignature reads the header and checks all but the sum.
func parseSignature(l *lab.Lab, r *http.Request, service string) (*signature, *lab.Failure) {
	header, found := strings.CutPrefix(r.Header.Get("Authorization"), algorithm+" ")
	if !found {
		return nil, Forbid("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" || fields["SignedHeaders"] == "" || fields["Signature"] == "" {
		return nil, Forbid("IncompleteSignatureException", "Authorization header requires 'Credential', "+
			"'SignedHeaders' and 'Signature' parameters.")
	}
	s := &signature{
		id: scope[0], date: scope[1], region: scope[2], service: scope[3],
		headers: strings.Split(fields["SignedHeaders"], ";"), sum: fields["Signature"],
	}
	return s, s.check(l, r, service)
}

func (s *signature) check(l *lab.Lab, r *http.Request, service string) *lab.Failure {
	switch {
	case s.id != AccessKey && !l.KeyFits(s.id) || r.Header.Get("X-Amz-Security-Token") != "":
		return Forbid("UnrecognizedClientException", "The security token included in the request is invalid.")
	case s.region != Region:
		return Forbid("InvalidSignatureException",
			fmt.Sprintf("Credential should be scoped to a valid region, not '%s'.", s.region))
	case s.service != service:
		return Forbid("InvalidSignatureException", fmt.Sprintf("Credential should be scoped to correct service: '%s'.", service))
	case !s.signs("host") && !s.signs(authority) || !s.signs("x-amz-date"):
		return Forbid("InvalidSignatureException", "'Host' and 'X-Amz-Date' must be in 'SignedHeaders'.")
	case !strings.HasPrefix(r.Header.Get("X-Amz-Date"), s.date+"T"):
		return Forbid("InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 "+
			"version of date from HTTP.")
	}
	return nil
}

// authority is what HTTP/2 has for the header Host.
const authority = ":authority"

func (s *signature) signs(header string) bool { return slices.Contains(s.headers, header) }

// bodySum returns the sum of the body, which it puts back.
func bodySum(r *http.Request) (string, *lab.Failure) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxSigned+1))
	if err != nil || len(body) > maxSigned {
		return "", &lab.Failure{Status: http.StatusRequestEntityTooLarge}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return hexSum(body), nil
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// compute returns what the signature has to be.
func (s *signature) compute(secret string, r *http.Request, bodySum string) string {
	canonical := strings.Join([]string{
		r.Method, s.path(r), canonicalQuery(r.URL.RawQuery), s.canonicalHeaders(r),
		strings.Join(s.headers, ";"), bodySum,
	}, "\n")
	scope := strings.Join([]string{s.date, s.region, s.service, "aws4_request"}, "/")
	text := strings.Join([]string{algorithm, r.Header.Get("X-Amz-Date"), scope, hexSum([]byte(canonical))}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, "aws4_request", text} {
		key = hmacOf(key, part)
	}
	return hex.EncodeToString(key)
}

func hmacOf(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// path is the path as it came over the wire, with the prefix below which the program
// serves the emulator, escaped once more: "%3A" becomes "%253A". S3 alone takes it as it
// came.
func (s *signature) path(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if s.service == objectService {
		return path
	}
	return escape(path, "/")
}

// escape keeps the unreserved characters of RFC 3986 and some more.
func escape(text, keep string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	var out strings.Builder
	for _, b := range []byte(text) {
		if strings.IndexByte(plain, b) >= 0 || strings.IndexByte(keep, b) >= 0 {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

func canonicalQuery(raw string) string {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return raw
	}
	var pairs []string
	for name, list := range values {
		for _, value := range list {
			pairs = append(pairs, escape(name, "")+"="+escape(value, ""))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func (s *signature) canonicalHeaders(r *http.Request) string {
	var out strings.Builder
	for _, header := range s.headers {
		values := slices.Clone(r.Header.Values(header))
		switch header {
		case "host", authority:
			values = []string{r.Host}
		case "content-length":
			values = []string{fmt.Sprint(r.ContentLength)}
		}
		for i, value := range values {
			values[i] = strings.Join(strings.Fields(value), " ")
		}
		fmt.Fprintf(&out, "%s:%s\n", header, strings.Join(values, ","))
	}
	return out.String()
}
