package together

import (
	"context"
	"io"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// What one batch may hold (https://docs.together.ai/docs/batch-inference).
const (
	maxLines    = 50_000
	maxBytes    = 100_000_000
	batchWindow = 24 * time.Hour // best effort, says the vendor: some take three days
)

// unbatched are parts of the names of models whose batches fail, as of August 2026.
var unbatched = []string{
	"DeepSeek-R1", "DeepSeek-V3.1", "DeepSeek-V4-Pro", "MiniMax-M2.7", "Kimi-K2.5", "Kimi-K2.6", "Qwen3.5-397B", "GLM-5",
}

// Batcher answers many requests later; for most models at the price of live calls.
func (d *driver) Batcher() providers.Batcher {
	return openai.NewBatcher(d.Client, openai.Batches{
		Base: d.v1, Route: "/v1/chat/completions", Bare: true, Limits: batchLimits, Upload: d.uploadBatch,
	})
}

func batchLimits(model string) (providers.BatchLimits, bool) {
	for _, part := range unbatched {
		if strings.Contains(model, part) {
			return providers.BatchLimits{}, false
		}
	}
	return providers.BatchLimits{MaxLines: maxLines, MaxBytes: maxBytes, Window: batchWindow}, true
}

// uploadBatch sends a file of requests by the signed redirect, as training files go.
func (d *driver) uploadBatch(ctx context.Context, name string, file *openai.BatchFile) (string, error) {
	id, location, err := d.announce(ctx, name, "batch-api")
	if err != nil {
		return "", err
	}
	open := func() (io.ReadCloser, error) { return file.Open(), nil }
	return id, d.put(ctx, location, providers.Upload{Name: name, Size: file.Size, Open: open})
}
