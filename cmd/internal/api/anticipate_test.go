package api

import (
	"testing"
	"time"

	"dreamlab/store/storetest"
	"dreamlab/tasks"
	"dreamlab/tasks/kept"
)

// TestAnticipatedAnswerIsAHit answers an equal chat from what a dream anticipated: for nothing, marked, without a job
// and without an experience.
func TestAnticipatedAnswerIsAHit(t *testing.T) {
	t.Parallel()
	queue := storetest.EmbeddedQueue(t)
	answers := cacheIn(queue)
	c := newCached(t, func(o *Options) { o.Cache = answers })
	tenant, err := c.store.EnsureTenant(t.Context(), "one")
	must(t, err)
	asked, err := tasks.ParseChat([]byte(askCold))
	must(t, err)
	route, err := c.store.Route(t.Context(), tenant.ID, "assistant")
	must(t, err)
	body := `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"together/base","choices":[{"index":0,"message":{"role":"assistant","content":"ahead"},"finish_reason":"stop"}],` +
		`"dreamlab":{"job":"job_1","provider":"together","model":"base","calls":1,"vendor_ms":1,"sandbox":true,` +
		`"anticipated":"drm_1","cost_usd":0.001,"cache":"miss"}}`
	value := kept.Answer{At: time.Now(), Body: []byte(body)}
	_, err = answers.Put(t.Context(), kept.Key(tenant.ID, asked, route), kept.Name("drm_1", 0), value.Text())
	must(t, err)
	a := c.ask(t, request{body: askCold}, "hit", 0)
	if a.text(t, "dreamlab", "anticipated") != "drm_1" || a.field(t, "dreamlab", "cost_usd") != 0.0 {
		t.Errorf("it says of itself %s", a.body)
	}
	for _, path := range []string{"/v1/jobs?kind=chat", "/v1/experiences"} {
		if list, _ := c.get(path).want(t, 200, "").field(t, "data").([]any); len(list) != 0 {
			t.Errorf("%s: %v", path, list)
		}
	}
	must(t, answers.Drop(t.Context(), kept.Names("drm_1")))
	c.ask(t, request{body: askCold}, "miss", 1)
}
