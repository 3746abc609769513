package databricks

import (
	"errors"
	"net/http"
	"net/url"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// errNoKey says what is missing for a call.
var errNoKey = errors.New(envToken + ": set it to a personal access token of the workspace, or set " + envClient + " and " +
	envSecret + " for a service principal")

// principal has a dialect ask with the tokens that a service principal gets
// (https://docs.databricks.com/dev-tools/auth/oauth-m2m).
func principal(dialect *openai.Dialect, host string, value func(env string) string, config providers.Config) error {
	id, secret := value(envClient), value(envSecret)
	if id == "" || secret == "" {
		return errNoKey
	}
	if config.HTTP == nil {
		config.HTTP = openai.NewHTTP()
	}
	basic := func(r *http.Request) error {
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		return nil
	}
	source := openai.New(openai.Dialect{Provider: name, Base: host, Key: secret, Authorize: basic}, config)
	tokens := openai.NewTokens(source, openai.Call{
		Method: http.MethodPost, URL: host + "/oidc/v1/token",
		Form: url.Values{"grant_type": {"client_credentials"}, "scope": {"all-apis"}},
	}, config.Now)
	dialect.Authorize, dialect.Secrets = tokens.Authorize, tokens.Secrets
	dialect.Classify = func(f openai.Failure, e *providers.Error) {
		classify(f, e)
		if e.Kind == providers.KindAuth {
			tokens.Drop()
		}
	}
	return nil
}
