// Package cloudflare drives Workers AI (https://developers.cloudflare.com/workers-ai), by itself or
// through a gateway of AI Gateway: chats and embeddings on the routes that speak OpenAI's dialect, and
// adapters that others have trained, beside their base. It is only what Cloudflare does differently
// from that; the dialect itself is in providers/openai.
package cloudflare

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// name is the vendor's name in targets and errors.
const name = "cloudflare"

var settings = append([]providers.Setting{
	{
		Env: "CLOUDFLARE_API_TOKEN", Secret: true, Required: true,
		Help: "token with the permission Workers AI, from https://dash.cloudflare.com/profile/api-tokens",
	},
	{
		Env: "CLOUDFLARE_ACCOUNT_ID", Required: true,
		Help: "id of the account, 32 hexadecimal digits, from the overview of Workers & Pages",
	},
	{
		Env: "CLOUDFLARE_BASE_URL", Default: "https://api.cloudflare.com/client/v4",
		Help: "base of the API as Cloudflare's SDK takes it",
	},
	{
		Env:  "CLOUDFLARE_GATEWAY_ID",
		Help: "name of the gateway that chats go through; without it they go straight to Workers AI",
	},
	{
		Env: "CLOUDFLARE_GATEWAY_BASE_URL", Default: "https://gateway.ai.cloudflare.com/v1",
		Help: "base of AI Gateway",
	},
	{
		Env: "CF_AIG_TOKEN", Secret: true, Shared: true,
		Help: "token of the gateway, where it asks for one",
	},
}, loraSettings...)

// Vendor opens the Cloudflare driver.
var Vendor = providers.Vendor{Name: name, Settings: settings, Options: options, Open: open, Sandbox: sandbox}

// sandboxAccount is the one account that the emulator has.
const sandboxAccount = "0123456789abcdef0123456789abcdef"

// sandbox leads the driver to Cloudflare's emulator.
func sandbox(address, credential string) map[string]string {
	return map[string]string{
		"CLOUDFLARE_API_TOKEN": credential, "CLOUDFLARE_ACCOUNT_ID": sandboxAccount,
		"CLOUDFLARE_BASE_URL": address + "/client/v4",
	}
}

// driver is Cloudflare's client, which lists models in its own way.
type driver struct {
	*openai.Client
	ai  string // the routes of the account's models stand below it
	now func() time.Time
}

var (
	_ providers.Embedder = (*driver)(nil)
	_ providers.Batches  = (*driver)(nil)
)

// accountID is the form of an account's id.
var accountID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func open(config providers.Config) (providers.Driver, error) {
	value := func(env string) string { return openai.Value(config, settings, env) }
	token, account := value("CLOUDFLARE_API_TOKEN"), value("CLOUDFLARE_ACCOUNT_ID")
	if token == "" {
		return nil, errors.New("CLOUDFLARE_API_TOKEN: set it to a token from https://dash.cloudflare.com/profile/api-tokens")
	}
	if !accountID.MatchString(account) {
		return nil, errors.New("CLOUDFLARE_ACCOUNT_ID: set it to the account's id, which has 32 hexadecimal digits")
	}
	base, err := openai.CheckBase("CLOUDFLARE_BASE_URL", value("CLOUDFLARE_BASE_URL"))
	if err != nil {
		return nil, err
	}
	ai := base + "/accounts/" + account + "/ai"
	below, routes := ai, ai+"/v1"
	gateway := value("CLOUDFLARE_GATEWAY_ID")
	if gateway != "" {
		front, err := openai.CheckBase("CLOUDFLARE_GATEWAY_BASE_URL", value("CLOUDFLARE_GATEWAY_BASE_URL"))
		if err != nil {
			return nil, err
		}
		below = front + "/" + account + "/" + url.PathEscape(gateway) + "/workers-ai"
		routes = below + "/v1"
	}
	now := config.Now
	if now == nil {
		now = time.Now
	}
	dialect := openai.Dialect{
		Provider: name, Base: routes, Key: token, Options: options, Encode: encode, InOnePiece: formatted,
		Translate: translate, Words: words, Classify: classifier(now),
	}
	if gateway != "" {
		dialect.Authorize, dialect.Secrets = throughGateway(token, value("CF_AIG_TOKEN"))
	}
	tuned := dialect
	tuned.URL, tuned.Encode = runAt(below), encodeTuned
	return newLoras(&driver{openai.New(dialect, config), ai, now}, openai.New(tuned, config), value)
}

// throughGateway asks a gateway to do no more than pass a request on: it makes one
// attempt, since the router alone tries again, and answers nothing from its cache.
func throughGateway(token, own string) (authorize func(*http.Request) error, secrets func() []string) {
	authorize = func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Cf-Aig-Max-Attempts", "1")
		r.Header.Set("Cf-Aig-Skip-Cache", "true")
		if own != "" {
			r.Header.Set("Cf-Aig-Authorization", "Bearer "+own)
		}
		return nil
	}
	return authorize, func() []string { return []string{own} }
}
