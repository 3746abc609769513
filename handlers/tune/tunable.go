package tune

import (
	"context"

	"dreamlab/handlers"
	"dreamlab/tasks"
)

// Tunable tells whether a vendor fine-tunes a base model. It fails with a
// [*tasks.Failure], which is final where the vendor does not.
func Tunable(ctx context.Context, vendors Vendors, provider, base string) error {
	if !vendors.Known(provider) {
		return tasks.Fail("model_not_found", "there is no vendor %.60q to fine-tune at: GET /v1/models lists models "+
			"with theirs", provider)
	}
	trainer, err := vendors.Trainer(provider)
	if err == nil {
		_, err = trainer.Tunable(ctx, base)
	}
	if err != nil {
		return handlers.Failure(err)
	}
	return nil
}
