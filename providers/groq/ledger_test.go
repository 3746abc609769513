package groq_test

import (
	"context"

	"dreamlab/providers"
)

// open is a ledger that lets everything pass.
type open struct{}

func (open) Reserve(context.Context, providers.Try) (string, error) { return "entry", nil }

func (open) End(context.Context, string, providers.Outcome) error { return nil }
