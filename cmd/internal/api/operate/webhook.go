package operate

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/tasks"
)

// Webhooks are where the tenant's own events are told. What a job's webhook_url is told of its
// end needs none of them.
type Webhooks struct {
	store *store.Store
	rules tasks.WebhookRules
}

// events are those that a webhook may want, by themselves or by their part before the dot.
func events() []string {
	return []string{
		"budget", "budget.threshold", "dream", "dream.succeeded", "dream.failed", "dream.cancelled", "dream.expired",
		"route", "route.canary", "route.promoted", "route.rolled_back",
		"tune", "tune.succeeded", "tune.failed", "tune.cancelled", "tune.expired",
	}
}

// maxWebhooks bounds the webhooks of a tenant.
const maxWebhooks = 20

type webhookView struct {
	ID        string   `json:"id"`
	Object    string   `json:"object"`
	URL       string   `json:"url"`
	Events    []string `json:"events"`
	CreatedAt *int64   `json:"created_at"`
	// Secret is shown once, as Standard Webhooks writes it.
	Secret string `json:"secret,omitempty"`
}

func viewWebhook(h store.Webhook) webhookView {
	return webhookView{ID: h.ID, Object: "webhook", URL: h.URL, Events: wire.Some(h.Events), CreatedAt: wire.Seconds(h.Created)}
}

// newSecret returns a secret of 32 bytes, and how it is shown.
func newSecret() (secret []byte, shown string) {
	secret = make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		panic(err) // it never returns an error
	}
	return secret, "whsec_" + base64.StdEncoding.EncodeToString(secret)
}

// Create makes a webhook and shows its secret, this once.
func (h Webhooks) Create(w http.ResponseWriter, c *wire.Call) error {
	var b struct {
		URL    string   `json:"url"`
		Events []string `json:"events"`
	}
	if err := wire.Read(c, &b); err != nil {
		return err
	}
	if err := h.rules.Check(b.URL); err != nil {
		f := gate.FaultOf(err)
		f.Param = "url"
		return f
	}
	for _, event := range b.Events {
		if !slices.Contains(events(), event) {
			return wire.Invalid("events", "events are some of %s; without them all are told.", strings.Join(events(), ", "))
		}
	}
	secret, shown := newSecret()
	hook := store.Webhook{Tenant: c.Tenant, URL: b.URL, Events: slices.Compact(slices.Sorted(slices.Values(b.Events)))}
	hook, err := h.store.AddWebhook(c.Context(), hook, maxWebhooks, secret)
	if err != nil {
		if errors.Is(err, store.ErrManyWebhooks) {
			return wire.Invalid("url", "There are %d webhooks already: delete one.", maxWebhooks)
		}
		return err
	}
	view := viewWebhook(hook)
	view.Secret = shown
	return wire.WriteJSON(w, http.StatusOK, view)
}

// List shows the tenant's webhooks.
func (h Webhooks) List(w http.ResponseWriter, c *wire.Call) error {
	page, err := gate.Paged(c, "whk_", gate.Known(h.store.Webhook))
	if err != nil {
		return err
	}
	rows, more, err := h.store.Webhooks(c.Context(), c.Tenant, page)
	if err != nil {
		return err
	}
	return wire.WriteList(w, rows, more, viewWebhook, func(v webhookView) string { return v.ID })
}

// Delete ends what a webhook is told.
func (h Webhooks) Delete(w http.ResponseWriter, c *wire.Call) error {
	id := c.PathValue("id")
	if err := h.store.DropWebhook(c.Context(), c.Tenant, id); err != nil {
		return gate.OrMissing(err, "webhook")
	}
	return wire.WriteJSON(w, http.StatusOK, map[string]any{"id": id, "object": "webhook", "deleted": true})
}

// Rotate gives a webhook another secret. Both sign for the grace, a day without it.
func (h Webhooks) Rotate(w http.ResponseWriter, c *wire.Call) error {
	grace, err := graceOf(c, 24*time.Hour)
	if err != nil {
		return err
	}
	hook, err := h.store.Webhook(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "webhook")
	}
	secret, shown := newSecret()
	if err := h.store.RotateWebhook(c.Context(), c.Tenant, hook.ID, secret, grace); err != nil {
		return gate.OrMissing(err, "webhook")
	}
	view := viewWebhook(hook)
	view.Secret = shown
	return wire.WriteJSON(w, http.StatusOK, view)
}
