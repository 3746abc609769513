package openai

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"dreamlab/providers"
)

// compatible is a server of the operator's own.
type compatible struct{ *Client }

// Compatible describes a server that speaks OpenAI's dialect, named by the
// operator: Ollama (http://host:11434/v1), vLLM (http://host:8000/v1), the
// llama.cpp server (http://host:8080/v1) and others. The base URL ends where
// "/chat/completions" begins; key may be empty.
//
// Such a server bills nothing, which the catalogue has to be told (see
// catalog.Free), and it queues without a bound, so that the lane's concurrency
// is what protects it.
func Compatible(name, baseURL, key string) providers.Vendor {
	return providers.Vendor{
		Name: name,
		Open: func(config providers.Config) (providers.Driver, error) {
			base, err := CheckBase(name+".base_url", baseURL)
			if err != nil {
				return nil, err
			}
			dialect := Dialect{Provider: name, Base: base, Key: key, Encode: plain, TakesExtra: true}
			return compatible{New(dialect, config)}, nil
		},
	}
}

// plain leaves out what says no more than its absence does.
func plain(req *providers.Request, body *Body) error {
	if req.N != nil && *req.N == 1 {
		body.N = nil
	}
	return nil
}

// CheckBase returns a base URL without its last slash, or an error that names
// the setting to mend.
func CheckBase(setting, base string) (string, error) {
	base = strings.TrimRight(strings.TrimSpace(base), "/")
	parsed, err := url.Parse(base)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return "", fmt.Errorf("%s: set it to a URL that begins with http:// or https://", setting)
	}
	if parsed.User != nil || parsed.RawQuery != "" {
		return "", fmt.Errorf("%s: take the user name, password and query out of the URL", setting)
	}
	return base, nil
}

// Value returns a setting of config, or its default.
func Value(config providers.Config, settings []providers.Setting, env string) string {
	for _, setting := range settings {
		if setting.Env == env {
			return cmp.Or(config.Values[env], setting.Default)
		}
	}
	return config.Values[env]
}
