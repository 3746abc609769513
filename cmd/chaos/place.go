package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// place is a vendor that serves tuned models. A tune of its base ends there, and the answer to each call that makes
// something there is lost.
type place struct {
	vendor, base string
	calls        []string // a method and a route of the script of faults
	// brief says that at the sandbox's speed what it serves is asleep again before the next poll.
	brief bool
	own   bool // it is trained on a machine of one's own
}

// places are those to which a tune comes. Each has a tenant of its own, as a tenant's second tune
// has too little new to learn from.
func places() []place {
	return []place{
		{"together", "together/openai/gpt-oss-20b", []string{"POST /endpoints$", "POST /deployments$"}, false, false},
		{"azure", "azure/gpt-4.1-mini", []string{"PUT /deployments/"}, false, false},
		{"databricks", "databricks/databricks-meta-llama-3-1-8b-instruct", []string{"POST /api/2.0/serving-endpoints$"}, false, false},
		{
			"sagemaker", "sagemaker/jumpstart-llama-3-1-8b-instruct",
			[]string{"POST /CreateModel$", "POST /CreateEndpointConfig$", "POST /CreateEndpoint$"}, false, false,
		},
		{"vertex", "vertex/meta/llama-4-scout-17b-16e-instruct-maas", []string{"POST :deploy$"}, false, false},
		{"bedrock", "bedrock/us.meta.llama3-1-8b-instruct-v1:0", []string{"POST /model-import-jobs$"}, true, false},
		{"groq", "groq/openai/gpt-oss-120b", []string{"POST /v1/fine_tunings$"}, false, true},
		{
			"cloudflare", "cloudflare/@cf/google/gemma-3-12b-it",
			[]string{"POST /finetunes$", "POST /finetune-assets$"}, false, true,
		},
		{"vllm", "vllm/Qwen/Qwen3-8B", []string{"POST /v1/load_lora_adapter$"}, false, true},
	}
}

// placeFaults are lost answers to what makes deployments and imports, at each place.
func placeFaults() (list []fault) {
	for i, p := range places() {
		list = append(list, fault{"tune at " + p.vendor + ": deployed, answers lost", nil, p.losing(tuners() + i)})
	}
	return list
}

// losing requests a tune of a tenant, of whose deployment the answers are lost.
func (p place) losing(tenant int) injecting {
	return func(l *lab, ctx context.Context, _ *rand.Rand) error {
		if p.own && !canRun() {
			return errMissed
		}
		var lost []string
		for _, call := range p.calls {
			method, route, _ := strings.Cut(call, " ")
			lost = append(lost,
				fmt.Sprintf(`{"vendor":%q,"method":%q,"route":%q,"fault":"drop_after","times":1}`, p.vendor, method, route))
		}
		if err := l.script(ctx, lost...); err != nil {
			return err
		}
		return p.request(ctx, l, tenant, lost)
	}
}

// tuning requests a tune of a tenant, without a fault.
func (p place) tuning(tenant int) injecting {
	return func(l *lab, ctx context.Context, _ *rand.Rand) error { return p.request(ctx, l, tenant, nil) }
}

// request requests a tune that ends at the place.
func (p place) request(ctx context.Context, l *lab, tenant int, lost []string) error {
	a := l.load.askOf("tune", tenant)
	body := fmt.Sprintf(`{"base":%q,"min_examples":2,"budget_usd":1000000}`, p.base)
	status, answer := l.load.post(ctx, a, "/v1/tunes", a.idemKey(), body)
	if status != http.StatusAccepted {
		return errMissed
	}
	tune := placedTune{p, lost, textOf(answer, "id"), textOf(answer, "job"), a}
	l.load.noteTune(tune)
	if p.own {
		l.machines.Go(func() error { return machine{l, tune}.run(l.running) })
	}
	return nil
}

// placedTune is a tune that ends at a place.
type placedTune struct {
	place place
	lost  []string // its faults
	id    string
	job   string
	ask   ask
}

func (c *load) noteTune(t placedTune) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tunes = append(c.tunes, t)
}

// armTunes loses the answers of tunes again that come to their places after the script was cleared.
func (l *lab) armTunes(ctx context.Context) error {
	made, err := l.served(ctx)
	for _, t := range l.load.tunes {
		if err == nil && !t.place.servesBy(made) {
			err = l.script(ctx, t.lost...)
		}
	}
	return err
}

// servesBy tells whether the place was made to serve something.
func (p place) servesBy(made []served) bool {
	return slices.ContainsFunc(made, func(s served) bool { return s.Vendor == p.vendor })
}

// briefTries is how often, twice a second, it is looked whether something is served.
const briefTries = 120

// cancelBrief cancels the tunes at places where no poll finds their models awake, once they serve.
func (l *lab) cancelBrief(ctx context.Context) error {
	for _, t := range l.load.tunes {
		for try := 0; t.place.brief && try < briefTries; try++ {
			made, err := l.served(ctx)
			if err != nil {
				return err
			}
			if t.place.servesBy(made) || !pause(ctx, 500*time.Millisecond) {
				break
			}
		}
		if t.place.brief {
			l.load.cancel(ctx, t.ask, t.job)
		}
	}
	return nil
}

// tuners is the number of the first tenant whose tunes end at a place.
func tuners() int { return tenants + 2*floods }
