package openai_test

import (
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/bill"
	"dreamlab/providers/openai"
	"dreamlab/providers/openai/emulator"
	"dreamlab/providers/providertest"
)

var start = providertest.OnLab(emulator.New)

func TestConformance(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Start: start, Model: "small", Embeddings: "embed",
		Bills: func(_ providers.Driver, base, key string, config providers.Config) (bill.Biller, error) {
			return openai.NewBills("openai", base+"/v1", key, config)
		},
		Open: func(base, key string) providers.Vendor { return openai.Compatible("openai", base+"/v1", key) },
	})
}
