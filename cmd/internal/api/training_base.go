package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/tasks"
)

// Tunable tells whether a vendor fine-tunes a base model. It fails with a
// [*tasks.Failure], which is final where it does not.
type Tunable func(ctx context.Context, provider, base string) error

// bases find what is to be fine-tuned.
type bases struct {
	store   *store.Store
	models  Models
	tunable Tunable // nil takes every base
	base    string  // provider/model, whose provider has the models without one
}

// find returns the base that a client names: an alias stands for the model that it
// is served by, or for that one's base. It fails where that can not be fine-tuned.
func (b bases) find(c *wire.Call, name string) (provider, base string, err error) {
	if name, err = b.behind(c, name); err != nil {
		return "", "", err
	}
	provider, base = b.split(name)
	return provider, base, b.check(c.Context(), provider, base)
}

// behind returns the base model behind a name.
func (b bases) behind(c *wire.Call, name string) (string, error) {
	route, err := b.store.Route(c.Context(), c.Tenant, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	if primary, found := route.Primary(); found {
		name = primary.Model
	}
	tuned, err := b.store.Model(c.Context(), c.Tenant, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return name, nil
	case err != nil:
		return "", err
	case route.Alias == "":
		return "", wire.Invalid("model", "%.100q is fine-tuned already: fine-tune its base %s.", name, tuned.Base)
	}
	return tuned.Base, nil
}

// split parts provider/model; a model alone is the vendor's that tunes start at.
func (b bases) split(model string) (provider, base string) {
	if _, ok := b.models.Find(model); ok {
		provider, base, _ = strings.Cut(model, "/")
		return provider, base
	}
	provider, _, _ = strings.Cut(b.base, "/")
	if first, rest, ok := strings.Cut(model, "/"); ok && first == provider {
		return provider, rest
	}
	return provider, model
}

// tunablePatience bounds the question whether a base can be fine-tuned.
const tunablePatience = 10 * time.Second

// check asks the vendor. One that gives no answer now does not refuse: the job asks
// again.
func (b bases) check(ctx context.Context, provider, base string) error {
	if b.tunable == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tunablePatience)
	defer cancel()
	err := b.tunable(ctx, provider, base)
	var refused *tasks.Failure
	if !errors.As(err, &refused) || !refused.Final {
		return nil
	}
	f := wire.Coded(refused.Code, refused.Message)
	f.Param, f.Err = "model", err
	if f.Status == http.StatusNotFound {
		f.Status = http.StatusBadRequest // the request is wrong, not its path
	}
	return f
}
