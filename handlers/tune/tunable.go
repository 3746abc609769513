package tune

import (
	"cmp"
	"context"

	"dreamlab/handlers"
	"dreamlab/providers"
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
		err := tunableBy(ctx, vendors, name, providers.Target{Provider: provider, Model: base})
		if err == nil {
			return nil
		}
		refused = cmp.Or(refused, err)
	}
	return handlers.Failure(refused)
}

// tunableBy asks one vendor, another by the name that it has for the weights.
func tunableBy(ctx context.Context, vendors Vendors, by string, base providers.Target) error {
	trainer, err := vendors.Trainer(by)
	if err != nil {
		return err
	}
	weights := base.Model
	if by != base.Provider {
		host, err := vendors.Host(base.Provider)
		if err != nil {
			return err
		}
		h, err := host.Hosting(ctx, base.Model)
		if err != nil {
			return err
		}
		weights = cmp.Or(weightsAt(by, base.Provider, h), base.Model)
	}
	_, err = trainer.Tunable(ctx, weights)
	return err
}
