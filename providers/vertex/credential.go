package vertex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"dreamlab/providers"
)

// scope is what the tokens are for.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// Limits of asking for a token.
const (
	tokenPatience = 10 * time.Second
	maxToken      = 1 << 20 // bytes of an answer
)

// credential is what tokens are had with, by the order of Google's own clients
// (https://cloud.google.com/docs/authentication/application-default-credentials): a
// text of our own before it, a file, what gcloud has left, the machine itself.
type credential struct {
	text     []byte // of the file; nil for the machine's
	kind     google.CredentialsType
	quota    string // the project whose quota a user's calls count to
	secrets  []string
	metadata string // host
	base     http.RoundTripper
}

// kindsOfFile are the credentials that are taken.
var kindsOfFile = map[google.CredentialsType]bool{
	google.ServiceAccount: true, google.AuthorizedUser: true, google.ExternalAccount: true,
	google.ExternalAccountAuthorizedUser: true, google.ImpersonatedServiceAccount: true,
}

func newCredential(value func(env string) string, client *http.Client) (*credential, error) {
	c := &credential{metadata: value(envMetadata), base: carrier(client)}
	text, from := []byte(value(envInline)), envInline
	if len(text) == 0 {
		var err error
		if text, from, err = readFile(value(envFile)); err != nil {
			return nil, err
		}
	}
	if len(text) == 0 {
		return c, nil
	}
	var file struct {
		Type    google.CredentialsType `json:"type"`
		Quota   string                 `json:"quota_project_id"`
		Refresh string                 `json:"refresh_token"`
		Secret  string                 `json:"client_secret"`
	}
	if json.Unmarshal(text, &file) != nil || !kindsOfFile[file.Type] {
		return nil, fmt.Errorf("%s: it holds no credentials of Google's, such as a service account's key", from)
	}
	c.text, c.kind, c.quota = text, file.Type, file.Quota
	c.secrets = []string{file.Refresh, file.Secret}
	return c, nil
}

// readFile reads the file of credentials, or what gcloud has left where none is named,
// or nothing.
func readFile(name string) (text []byte, from string, err error) {
	if name != "" {
		text, err = os.ReadFile(name)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", envFile, err)
		}
		return text, envFile, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, "", nil // there is no home: the machine's credentials are left
	}
	from = filepath.Join(home, ".config", "gcloud", "application_default_credentials.json")
	text, err = os.ReadFile(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil, "", nil
	}
	return text, from, err
}

// tokenError is why no token was given.
type tokenError struct {
	kind        providers.Kind
	status      int
	code, words string
	wait        time.Duration
}

// Error tells the code: the words may repeat what was sent.
func (e *tokenError) Error() string { return "no access token: " + e.code }

// ask gets a token.
func (c *credential) ask(ctx context.Context) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(unwatched{ctx}, tokenPatience)
	defer cancel()
	if c.text == nil {
		return c.fromMachine(ctx)
	}
	client := &http.Client{
		Transport:     bound{ctx, c.base},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	held := context.WithValue(ctx, oauth2.HTTPClient, client)
	found, err := google.CredentialsFromJSONWithType(held, c.text, c.kind, scope)
	if err != nil {
		return nil, &tokenError{kind: providers.KindAuth, words: "the credentials can not be used"}
	}
	token, err := found.TokenSource.Token()
	if err != nil {
		return nil, refusal(err)
	}
	return usable(token)
}

// unwatched is a call's context without its values: who traces the call by its
// connection must not see that of the token.
type unwatched struct{ context.Context }

// Value returns nothing.
func (unwatched) Value(any) any { return nil }

// usable checks that a token was given.
func usable(token *oauth2.Token) (*oauth2.Token, error) {
	if token.AccessToken == "" || token.Expiry.IsZero() {
		return nil, &tokenError{kind: providers.KindServer, words: "the answer holds no token that ends"}
	}
	return token, nil
}

// bound sends requests within a context: some of Google's code asks without one.
type bound struct {
	ctx  context.Context
	base http.RoundTripper
}

// RoundTrip sends a request.
func (b bound) RoundTrip(request *http.Request) (*http.Response, error) {
	return b.base.RoundTrip(request.WithContext(b.ctx))
}

// refusal reads why a token was refused.
func refusal(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return &tokenError{kind: providers.KindTimeout, words: "no answer came in time"}
		}
		return &tokenError{kind: tokenKind(0), words: "no answer came"}
	}
	return refusedWith(refused.Response.StatusCode, refused.Body)
}

// refusedWith makes an error of an OAuth answer (RFC 6749, section 5.2).
func refusedWith(status int, body []byte) *tokenError {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil {
		said.Error = ""
	}
	return &tokenError{
		kind: tokenKind(status), status: status, code: said.Error,
		words: strings.TrimSpace(said.Error + " " + said.Description),
	}
}

// tokenKind tells what a refused token means: what is wrong with it is wrong for
// every call.
func tokenKind(status int) providers.Kind {
	switch {
	case status == http.StatusTooManyRequests:
		return providers.KindRateLimit
	case status >= 400 && status < 500:
		return providers.KindAuth
	}
	return providers.KindServer
}

// fromMachine asks the metadata server, which knows the service account that the
// machine runs as (https://cloud.google.com/compute/docs/metadata/overview).
func (c *credential) fromMachine(ctx context.Context) (*oauth2.Token, error) {
	where := url.URL{
		Scheme: "http", Host: c.metadata, RawQuery: url.Values{"scopes": {scope}}.Encode(),
		Path: "/computeMetadata/v1/instance/service-accounts/default/token",
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where.String(), nil)
	if err != nil {
		return nil, &tokenError{kind: providers.KindAuth, words: envMetadata + " is no host"}
	}
	request.Header.Set("Metadata-Flavor", "Google")
	response, err := c.base.RoundTrip(request)
	if err != nil {
		return nil, &tokenError{kind: providers.KindAuth, words: "there are no credentials: set " + envFile}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxToken))
	if err != nil {
		return nil, &tokenError{kind: providers.KindServer, words: "the answer broke off"}
	}
	if response.StatusCode != http.StatusOK {
		return nil, refusedWith(response.StatusCode, body)
	}
	var given struct {
		Token string `json:"access_token"`
		Life  int64  `json:"expires_in"` // seconds
	}
	if json.Unmarshal(body, &given) != nil {
		return nil, &tokenError{kind: providers.KindServer, words: "the answer is no JSON"}
	}
	life := time.Duration(given.Life) * time.Second
	return usable(&oauth2.Token{AccessToken: given.Token, Expiry: time.Now().Add(life)})
}
