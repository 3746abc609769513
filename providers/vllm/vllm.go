// Package vllm drives a vLLM server of one's own, which answers chats and serves adapters beside
// their base, whoever trained them (https://docs.vllm.ai/en/latest/features/lora.html). The
// server has to be started with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True. It trains
// nothing.
package vllm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/money"
)

const name = "vllm"

// The settings' names.
const (
	envBase     = "VLLM_BASE_URL"
	envKey      = "VLLM_API_KEY"
	envAdapters = "VLLM_ADAPTERS"
	envThere    = "VLLM_ADAPTERS_THERE"
	envRank     = "VLLM_MAX_LORA_RANK"
	envPrice    = "VLLM_USD_PER_HOUR"
)

var settings = []providers.Setting{
	{Env: envBase, Required: true, Help: "address of your vLLM server, such as http://gpu:8000: /v1 is added"},
	{Env: envKey, Secret: true, Help: "the server's --api-key, where it has one"},
	{
		Env: envAdapters, Help: "folder on a disk that the server reads, too, where tuned adapters are put: without it none " +
			"can be served",
	},
	{Env: envThere, Help: "the same folder as the server sees it, where that is another path"},
	{Env: envRank, Default: "16", Help: "the server's --max-lora-rank"},
	{Env: envPrice, Default: "0", Help: "what the server's machine costs an hour, in dollars: hosting is booked at it"},
}

// Vendor opens the driver of a vLLM server.
var Vendor = providers.Vendor{
	Name: name, Settings: settings, Options: openai.Compatible(name, "", "").Options, Open: open, Sandbox: sandbox,
}

// sandbox leads the driver to the emulator, which reads adapters on the same disk.
func sandbox(address, credential string) map[string]string {
	folder := filepath.Join(os.TempDir(), "dreamlab-sandbox-adapters")
	return map[string]string{envBase: address, envKey: credential, envAdapters: folder}
}

// driver is the server's OpenAI-compatible API.
type driver struct{ *openai.Client }

// hosting is a driver of a server whose disk adapters can be put on.
type hosting struct {
	driver
	host
}

var (
	_ providers.Host     = hosting{}
	_ providers.Importer = hosting{}
)

func open(config providers.Config) (providers.Driver, error) {
	value := func(env string) string { return openai.Value(config, settings, env) }
	if value(envBase) == "" {
		return nil, errors.New(envBase + ": set it to the address of your vLLM server")
	}
	base, err := openai.CheckBase(envBase, value(envBase))
	if err != nil {
		return nil, err
	}
	base += "/v1"
	d := driver{openai.Own(name, base, value(envKey), config)}
	if value(envAdapters) == "" {
		return d, nil
	}
	served, err := newHost(d.Client, base, value)
	if err != nil {
		return nil, err
	}
	return hosting{d, served}, nil
}

func newHost(client *openai.Client, base string, value func(env string) string) (host, error) {
	rank, err := strconv.Atoi(value(envRank))
	if err != nil || rank < 1 || rank > 512 {
		return host{}, fmt.Errorf("%s: give a rank from 1 to 512", envRank)
	}
	nano, err := money.ParsePrice(value(envPrice), money.Dollar)
	if err != nil || nano < 0 {
		return host{}, fmt.Errorf("%s: give dollars an hour, such as 0.35", envPrice)
	}
	here, there := value(envAdapters), value(envThere)
	if there == "" {
		there = here
	}
	if !filepath.IsAbs(here) || !filepath.IsAbs(there) {
		return host{}, fmt.Errorf("%s: give a whole path, such as /srv/adapters", envAdapters)
	}
	return host{client: client, base: base, here: here, there: there, rank: rank, nano: nano}, nil
}
