package tune

import (
	"cmp"
	"context"
	"strings"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/tasks"
)

// Tunable tells whether a vendor, or another whose adapters it serves, fine-tunes a base model by a method. It fails
// with a [*tasks.Failure], which is final where the vendor does not.
func Tunable(ctx context.Context, vendors Vendors, provider, base string, method tasks.Method) error {
	if !vendors.Known(provider) {
		return tasks.Fail("model_not_found", "there is no vendor %.60q to fine-tune at: GET /v1/models lists models "+
			"with theirs", provider)
	}
	var refused error
	for _, name := range trainers(vendors, provider) {
		limits, err := limitsBy(ctx, vendors, name, providers.Target{Provider: provider, Model: base})
		if err == nil && (method != tasks.MethodDPO || limits.Pairs != nil) {
			return nil
		}
		if err == nil {
			err = withoutPairs(name, base)
		}
		refused = cmp.Or(refused, err)
	}
	return handlers.Failure(refused)
}

// Servable tells whether a vendor serves tuned models. It fails with a [*tasks.Failure], which names those that do.
func Servable(vendors Vendors, host string) error {
	if _, err := vendors.Host(host); err == nil {
		return nil
	}
	known := hostsOf(vendors)
	if len(known) == 0 {
		return tasks.Fail("model_not_found", "no vendor that serves tuned models is configured")
	}
	return tasks.Fail("model_not_found", "%.60q serves no tuned models here: %s do", host, strings.Join(known, ", "))
}

// hostsOf are the vendors that serve tuned models, in order.
func hostsOf(vendors Vendors) []string {
	var names []string
	for _, name := range vendors.Names() {
		if _, err := vendors.Host(name); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// withoutPairs refuses DPO at a trainer.
func withoutPairs(trainer, base string) error {
	refused := tasks.Fail("unsupported_parameter", "%s does not train %s on preference pairs (dpo): take the method supervised",
		trainer, base)
	refused.Param = "method.type"
	return refused
}

// Pausable tells whether a vendor pauses trainings that it has begun.
func Pausable(vendors Vendors, provider string) bool {
	trainer, err := vendors.Trainer(provider)
	_, can := trainer.(providers.Pauser)
	return err == nil && can
}

// limitsBy asks one vendor, another by the name that it has for the weights.
func limitsBy(ctx context.Context, vendors Vendors, by string, base providers.Target) (providers.TuneLimits, error) {
	trainer, err := vendors.Trainer(by)
	if err != nil {
		return providers.TuneLimits{}, err
	}
	weights := base.Model
	if by != base.Provider {
		host, err := vendors.Host(base.Provider)
		if err != nil {
			return providers.TuneLimits{}, err
		}
		h, err := host.Hosting(ctx, base.Model)
		if err != nil {
			return providers.TuneLimits{}, err
		}
		weights = cmp.Or(weightsAt(by, base.Provider, h), base.Model)
	}
	return trainer.Tunable(ctx, weights)
}
