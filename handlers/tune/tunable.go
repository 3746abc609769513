package tune

import (
	"cmp"
	"context"

	"dreamlab/handlers"
	"dreamlab/tasks"
)

// Tunable tells whether a vendor, or another whose adapters it serves, fine-tunes a base model. It fails with a
// [*tasks.Failure], which is final where the vendor does not.
func Tunable(ctx context.Context, vendors Vendors, provider, base string) error {
	if !vendors.Known(provider) {
		return tasks.Fail("model_not_found", "there is no vendor %.60q to fine-tune at: GET /v1/models lists models "+
			"with theirs", provider)
	}
	var refused error
	for _, name := range trainers(vendors, provider) {
		trainer, err := vendors.Trainer(name)
		if err == nil {
			_, err = trainer.Tunable(ctx, base)
		}
		if err == nil {
			return nil
		}
		refused = cmp.Or(refused, err)
	}
	return handlers.Failure(refused)
}
