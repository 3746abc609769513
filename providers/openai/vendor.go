package openai

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
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
//
// It gets the options that servers of this kind are known to take, and those that
// pass names beside; with "all" in it, whatever a client gives. Where pass names
// max_completion_tokens, that bounds the answers of all its models.
func Compatible(name, baseURL, key string, pass ...string) providers.Vendor {
	taken := slices.Concat(options, pass)
	return providers.Vendor{
		Name:    name,
		Options: taken,
		Open: func(config providers.Config) (providers.Driver, error) {
			base, err := CheckBase(name+".base_url", baseURL)
			if err != nil {
				return nil, err
			}
			return compatible{Own(name, base, key, config, pass...)}, nil
		},
	}
}

// Own is the client of a server as [Compatible] describes it, whose base was checked.
func Own(name, base, key string, config providers.Config, pass ...string) *Client {
	dialect := Dialect{
		Provider: name, Base: base, Key: key, Encode: plain, Options: slices.Concat(options, pass), TakesExtra: true,
	}
	if slices.Contains(pass, "max_completion_tokens") {
		dialect.Encode = limited
	}
	if host := strict(base); host != nil {
		dialect.TakesExtra, dialect.Members = false, host.members
		dialect.Encode = host.encode
	}
	return New(dialect, config)
}

// plain leaves out what says no more than its absence does, and bounds the answer as
// the model understands it.
func plain(req *providers.Request, body *Body) error {
	if req.N != nil && *req.N == 1 {
		body.N = nil
	}
	if Reasons(req.Model) {
		LimitCompletion(body)
	}
	return nil
}

// strictHost is a public service that refuses members of messages that it does not know.
type strictHost struct {
	members []string
	encode  func(*providers.Request, *Body) error
}

// strictHosts are those that operators name as servers of their own.
var strictHosts = map[string]strictHost{
	"api.openai.com": {encode: limited}, // all its models take max_completion_tokens
	"api.mistral.ai": {encode: plain, members: []string{"prefix"}},
}

// strict returns what is known of a base URL's host, nil for nothing.
func strict(base string) *strictHost {
	parsed, err := url.Parse(base)
	if err != nil { // CheckBase has read it
		return nil
	}
	if host, known := strictHosts[parsed.Hostname()]; known {
		return &host
	}
	return nil
}

func limited(req *providers.Request, body *Body) error {
	LimitCompletion(body)
	return plain(req, body)
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
