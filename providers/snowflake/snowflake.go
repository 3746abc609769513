// Package snowflake drives Snowflake Cortex's REST API
// (https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api): chats by
// the OpenAI-compatible route, or by the older one where answers are to be guarded, and
// embeddings. It is only what Snowflake does differently from OpenAI's dialect; the
// dialect itself is in providers/openai. Snowflake has no batches.
package snowflake

import (
	"errors"
	"net/http"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// name is the vendor's name in targets and errors.
const name = "snowflake"

// The names of the settings.
const (
	envAccount   = "SNOWFLAKE_ACCOUNT"
	envHost      = "SNOWFLAKE_HOST"
	envToken     = "SNOWFLAKE_CORTEX_PAT"
	envUser      = "SNOWFLAKE_USER"
	envKey       = "SNOWFLAKE_PRIVATE_KEY"
	envKeyFile   = "SNOWFLAKE_PRIVATE_KEY_FILE"
	envRole      = "SNOWFLAKE_ROLE"
	envWarehouse = "SNOWFLAKE_WAREHOUSE"
	envGuard     = "SNOWFLAKE_CORTEX_GUARDRAILS"
)

var settings = []providers.Setting{
	{
		Env: envAccount, Required: true, Shared: true,
		Help: "the account: organisation-account, locator.region, or its URL",
	},
	{Env: envHost, Shared: true, Help: "the account's host or URL, where it is not under snowflakecomputing.com"},
	{
		Env: envToken, Secret: true,
		Help: "a programmatic access token, whose user has to be under a network policy",
	},
	{Env: envUser, Shared: true, Help: "the user whose key signs, without a token"},
	{Env: envKey, Secret: true, Help: "the user's private RSA key, in PEM and not encrypted"},
	{Env: envKeyFile, Help: "the file of the private key, in place of its text"},
	{Env: envRole, Shared: true, Help: "the role that asks; needs SNOWFLAKE.CORTEX_USER. Defaults to the user's"},
	{Env: envWarehouse, Shared: true, Help: "the warehouse that is named in requests; Cortex needs none"},
	{Env: envGuard, Default: "false", Help: "true has Cortex Guard filter the answers, which it bills"},
}

// Vendor opens the Snowflake driver.
var Vendor = providers.Vendor{Name: name, Settings: settings, Options: options, Open: open, Sandbox: sandbox}

// sandbox leads the driver to the emulator, whose credential is an access token.
func sandbox(address, credential string) map[string]string {
	return map[string]string{envAccount: "dreamlab-sandbox", envHost: address, envToken: credential}
}

// driver adds to OpenAI's dialect what Snowflake tells otherwise.
type driver struct {
	*openai.Client
	base  string // of Cortex
	guard bool
}

func open(config providers.Config) (providers.Driver, error) {
	value := func(env string) string { return openai.Value(config, settings, env) }
	where, err := newAccount(value(envAccount), value(envHost))
	if err != nil {
		return nil, err
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	guard := value(envGuard)
	if guard != "true" && guard != "false" {
		return nil, errors.New(envGuard + ": set it to true or false")
	}
	d := &driver{base: where.base + "/api/v2/cortex", guard: guard == "true"}
	access := access{token: value(envToken), role: value(envRole), warehouse: value(envWarehouse)}
	if access.token == "" {
		if access.signer, err = newSigner(value, where.name, config.Now); err != nil {
			return nil, err
		}
	}
	d.Client = openai.New(openai.Dialect{
		Provider: name, Base: d.base + "/v1", Key: access.token, Authorize: access.authorize, URL: d.url,
		Options: options, Encode: d.encode, Translate: d.translate, Words: words, Classify: classify,
	}, config)
	return d, nil
}

// url is the address of a route of OpenAI's dialect.
func (d *driver) url(route, _ string) string {
	if route == openai.RouteChat && d.guard {
		return d.base + "/inference:complete"
	}
	return d.base + "/v1" + route
}

// access is who asks: by a token, or by the signature of a key
// (https://docs.snowflake.com/en/developer-guide/snowflake-rest-api/authentication).
type access struct {
	token           string
	signer          *signer
	role, warehouse string
}

func (a access) authorize(request *http.Request) error {
	token, kind := a.token, "PROGRAMMATIC_ACCESS_TOKEN"
	if a.signer != nil {
		kind = "KEYPAIR_JWT"
		var err error
		if token, err = a.signer.sign(); err != nil {
			return err
		}
	}
	header := request.Header
	header.Set("Authorization", "Bearer "+token)
	header.Set("X-Snowflake-Authorization-Token-Type", kind)
	header.Set("Accept", "application/json, text/event-stream")
	if a.role != "" {
		header.Set("X-Snowflake-Role", a.role)
	}
	if a.warehouse != "" {
		header.Set("X-Snowflake-Warehouse", a.warehouse)
	}
	return nil
}
