// Package groq drives GroqCloud (https://console.groq.com/docs/openai), which
// answers chats quickly, batches of them at half price, serves adapters beside their bases for enterprise
// customers (https://console.groq.com/docs/lora), and trains nothing. It is only what Groq does
// differently from OpenAI's dialect; the dialect itself is in providers/openai.
package groq

import (
	"errors"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// name is the vendor's name in targets and errors.
const name = "groq"

var settings = append([]providers.Setting{
	{
		Env: "GROQ_API_KEY", Secret: true, Required: true,
		Help: "key of GroqCloud, from https://console.groq.com/keys",
	},
	{
		Env: "GROQ_BASE_URL", Default: "https://api.groq.com",
		Help: "base of the API as Groq's SDK takes it: /openai/v1 is added",
	},
}, loraSettings...)

// Vendor opens the Groq driver.
var Vendor = providers.Vendor{Name: name, Settings: settings, Options: options, Open: open, Sandbox: sandbox}

// sandbox leads the driver to Groq's emulator.
func sandbox(address, credential string) map[string]string {
	return map[string]string{"GROQ_API_KEY": credential, "GROQ_BASE_URL": address, envBases: "qwen/qwen3.8-27b=Qwen/Qwen3.8-27B"}
}

// driver shows no more of the client than Groq serves: its SDK knows a route
// for embeddings, but its list of models holds none for it.
type driver struct {
	providers.Driver
	providers.Streamer
	providers.Prefiller
	providers.Tiered
	batches providers.Batcher
}

var _ providers.Batches = driver{}

// hosting is a driver of an account that serves adapters.
type hosting struct {
	driver
	loras
}

var (
	_ providers.Host     = hosting{}
	_ providers.Importer = hosting{}
)

// Batcher answers many requests later, at half price.
func (d driver) Batcher() providers.Batcher { return d.batches }

func open(config providers.Config) (providers.Driver, error) {
	key := openai.Value(config, settings, "GROQ_API_KEY")
	if key == "" {
		return nil, errors.New("GROQ_API_KEY: set it to a key from https://console.groq.com/keys")
	}
	base, err := openai.CheckBase("GROQ_BASE_URL", openai.Value(config, settings, "GROQ_BASE_URL"))
	if err != nil {
		return nil, err
	}
	dialect := openai.Dialect{
		Provider: name, Base: base + "/openai/v1", Key: key,
		Options: options, Members: members, Encode: encode, Classify: classify, Words: words, Extension: "x_groq",
		InOnePiece: hasSchema, Prefill: prefill, Tiers: tiers,
	}
	client := openai.New(dialect, config)
	d := driver{client, client, client, client, openai.NewBatcher(client, batches(dialect.Base))}
	value := func(env string) string { return openai.Value(config, settings, env) }
	if value(envBases) == "" {
		return d, nil
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	served, err := newLoras(client, base, value, config.Now)
	if err != nil {
		return nil, err
	}
	return hosting{d, served}, nil
}
