package azure

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// The scopes of tokens: Microsoft's SDKs ask for the first, and its pages of 2026-09 for
// the second.
const (
	scopeOfResource = "https://cognitiveservices.azure.com/.default"
	scopeOfProject  = "https://ai.azure.com/.default"
	scopeOfManager  = "https://management.azure.com/.default"
)

// tokens are what Entra ID gives to an application
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
type tokens struct{ *openai.Tokens }

// errNoApplication says what is missing for a token.
var errNoApplication = errors.New("AZURE_OPENAI_API_KEY: set it to a key of the resource, or set all of AZURE_TENANT_ID, " +
	"AZURE_CLIENT_ID and AZURE_CLIENT_SECRET for Entra ID")

// scope is what a resource's tokens are asked for.
func (at resource) scope(value func(env string) string) string {
	usual := scopeOfResource
	if at.project {
		usual = scopeOfProject
	}
	return cmp.Or(value("AZURE_OPENAI_SCOPE"), usual)
}

func newTokens(value func(env string) string, scope string, config providers.Config) (tokens, error) {
	tenant, id, secret := value("AZURE_TENANT_ID"), value("AZURE_CLIENT_ID"), value("AZURE_CLIENT_SECRET")
	if tenant == "" || id == "" || secret == "" {
		return tokens{}, errNoApplication
	}
	authority, err := openai.CheckBase("AZURE_AUTHORITY_HOST", value("AZURE_AUTHORITY_HOST"))
	if err != nil {
		return tokens{}, err
	}
	unsigned := func(*http.Request) error { return nil } // the form holds the secret
	host := openai.New(openai.Dialect{Provider: name, Base: authority, Key: secret, Authorize: unsigned}, config)
	call := openai.Call{
		Method: http.MethodPost, URL: authority + "/" + url.PathEscape(tenant) + "/oauth2/v2.0/token",
		Form: url.Values{
			"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "scope": {scope},
		},
	}
	return tokens{openai.NewTokens(host, call, config.Now)}, nil
}

// classify also drops a token that is refused, so that the next call asks for another.
func (t tokens) classify(f openai.Failure, e *providers.Error) {
	classify(f, e)
	if f.Status == http.StatusUnauthorized {
		t.Drop()
	}
}
