package providers_test

import (
	"context"
	"testing"

	"dreamlab/providers"
)

func TestTrace(t *testing.T) {
	t.Parallel()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ctx := providers.WithTrace(t.Context(), trace)
	for got, want := range map[string]string{
		providers.TraceOf(ctx): trace, providers.TraceOf(providers.WithTrace(ctx, "")): trace,
		providers.TraceOf(context.Background()): "",
	} {
		if got != want {
			t.Errorf("the trace is %q, want %q", got, want)
		}
	}
}
