package openai_test

import (
	"net/http"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/providers/openai/emulator"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
)

func start(t testing.TB) (http.Handler, func(time.Duration)) {
	l, err := lab.New(lab.Options{Credential: providertest.Key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return emulator.New(l), l.Advance
}

func TestConformance(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Start: start, Model: "small", Embeddings: "embed",
		Open: func(base, key string) providers.Vendor { return openai.Compatible("openai", base+"/v1", key) },
	})
}
