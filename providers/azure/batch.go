package azure

import (
	"context"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// What one batch may hold (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch).
// The window is the only one there is, and no promise: a batch that takes longer goes on.
const (
	maxLines = 100_000
	maxBytes = 200_000_000
	window   = 24 * time.Hour
)

// look is the time between two looks at a file that Azure checks.
const look = 2 * time.Second

// batcher drives batches, which have deployments of their own: those of the types Global
// Batch and Data Zone Batch, which answer no live calls.
type batcher struct {
	providers.Batcher
	deployed deployments // for batches, by the deployment whose calls they answer
}

// Batcher answers many requests later, at half price. All routes of batches are those of v1.
func (d *driver) Batcher() providers.Batcher {
	return batcher{deployed: d.batched, Batcher: openai.NewBatcher(d.Client, openai.Batches{
		Base: d.root + "/openai/v1", Route: "/v1/chat/completions", Endpoint: "/chat/completions", Unlisted: true,
		Look: look, Limits: d.batched.limits,
	})}
}

// limits tells what takes batches: what the operator named for it. That it is one of
// OpenAI's models Azure says when it checks a batch.
func (d deployments) limits(deployment string) (providers.BatchLimits, bool) {
	_, named := d[deployment]
	return providers.BatchLimits{MaxLines: maxLines, MaxBytes: maxBytes, Window: window}, named
}

// Submit orders a batch of the deployment that answers those of the model.
func (b batcher) Submit(ctx context.Context, spec providers.BatchSpec) (providers.Batch, error) {
	spec.Model = b.deployed.model(spec.Model)
	return b.Batcher.Submit(ctx, spec)
}
