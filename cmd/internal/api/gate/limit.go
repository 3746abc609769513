package gate

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/flight"
	"dreamlab/store/rate"
)

// Rates are shared by all processes. *redis.Rates is one.
type Rates interface {
	// Take asks all rates at once: where one has too little, nothing is taken of any.
	Take(ctx context.Context, rates []rate.Rate) ([]rate.Granted, error)
}

// limitLife is how long limits that were read are believed.
const limitLife = 900 * time.Millisecond

// ownShare is the part of each limit that a process grants by itself while the shared
// rates can not be asked: a quarter.
const ownShare = 4

// limits holds requests to the limits of their tenants.
type limits struct {
	options Options
	known   *lru.Cache[string, limitsUntil]     // by tenant
	reads   flight.Reads[string, []store.Limit] // by tenant
	own     *ownRates
}

type limitsUntil struct {
	limits []store.Limit
	until  time.Time
}

func newLimits(o Options) *limits {
	return &limits{
		options: o, known: remembered[string, limitsUntil](maxKeys),
		own: &ownRates{full: remembered[string, time.Time](maxKeys), now: o.Now},
	}
}

// bytesPerToken divides a request's bytes into the tokens that it is charged with. A
// token of English text has about four.
const bytesPerToken = 4

// TokensOf is how many tokens a request is charged with: those of its body, and as many
// of an answer as it asks for.
func TokensOf(body []byte, answer int) int64 { return int64(len(body)/bytesPerToken + answer) }

// Charge takes a request and its tokens from the limits of its tenant, once, and says in
// headers what is left: 429 where there is too little.
func (g *Gate) Charge(c *wire.Call, model string, tokens int64) error {
	if c.Charged {
		return nil
	}
	c.Charged = true
	all, err := g.limits.of(c.Context(), c.Tenant)
	if err != nil || len(all) == 0 {
		return err
	}
	var rates []rate.Rate
	for _, l := range all {
		if (l.Key == "" || l.Key == c.Key) && (l.Model == "" || l.Model == model) {
			rates = append(rates, RatesOf(l, 1, tokens)...)
		}
	}
	if len(rates) == 0 {
		return nil
	}
	granted := g.limits.take(c.Context(), rates)
	show(c.Reply, rates, granted)
	return refusal(rates, granted)
}

// Granted looks at rates without taking anything.
func (g *Gate) Granted(ctx context.Context, rates []rate.Rate) []rate.Granted {
	return g.limits.take(ctx, rates)
}

// RatesOf are the rates of a limit, for so many requests and tokens.
func RatesOf(l store.Limit, requests, tokens int64) []rate.Rate {
	name := l.Tenant + ":" + l.Key + ":" + l.Model
	var rates []rate.Rate
	if l.Requests > 0 {
		burst := l.Burst
		if burst <= 0 {
			burst = max(1, l.Requests/10)
		}
		rates = append(rates, rate.Rate{Name: "requests:" + name, PerMinute: l.Requests, Burst: burst, Cost: requests})
	}
	if l.Tokens > 0 { // one request may need a minute's tokens, and none more than that
		rates = append(rates, rate.Rate{
			Name: "tokens:" + name, PerMinute: l.Tokens, Burst: l.Tokens, Cost: min(tokens, l.Tokens),
		})
	}
	return rates
}

// of returns a tenant's limits, as they were within the last second.
func (l *limits) of(ctx context.Context, tenant string) ([]store.Limit, error) {
	now := l.options.Now()
	if known, ok := l.known.Get(tenant); ok && now.Before(known.until) {
		return known.limits, nil
	}
	return l.reads.Get(ctx, tenant, func(ctx context.Context) ([]store.Limit, error) {
		found, err := l.options.Store.Limits(ctx, tenant)
		if err != nil {
			return nil, err
		}
		l.known.Add(tenant, limitsUntil{found, now.Add(limitLife)})
		return found, nil
	})
}

// take asks the shared rates, or a share of them kept in this process where these are
// away.
func (l *limits) take(ctx context.Context, rates []rate.Rate) []rate.Granted {
	if l.options.Rates != nil {
		granted, err := l.options.Rates.Take(ctx, rates)
		if err == nil {
			return granted
		}
		l.options.Log.Warn().Err(err).Msg("the shared limits can not be asked: this process grants a quarter of each")
		return l.own.take(shares(rates))
	}
	return l.own.take(rates)
}

func shares(rates []rate.Rate) []rate.Rate {
	own := make([]rate.Rate, len(rates))
	for i, r := range rates {
		r.PerMinute, r.Burst = max(1, r.PerMinute/ownShare), max(1, r.Burst/ownShare)
		r.Cost = min(r.Cost, r.Burst)
		own[i] = r
	}
	return own
}

// show says in OpenAI's headers what the tightest rates have left
// (https://platform.openai.com/docs/guides/rate-limits).
func show(header http.Header, rates []rate.Rate, granted []rate.Granted) {
	least := map[string]int64{}
	for i, r := range rates {
		kind, _, _ := strings.Cut(r.Name, ":")
		if left, seen := least[kind]; seen && left <= granted[i].Remaining {
			continue
		}
		least[kind] = granted[i].Remaining
		header.Set("X-Ratelimit-Limit-"+kind, strconv.FormatInt(r.PerMinute, 10))
		header.Set("X-Ratelimit-Remaining-"+kind, strconv.FormatInt(granted[i].Remaining, 10))
		header.Set("X-Ratelimit-Reset-"+kind, granted[i].Reset.Round(time.Millisecond).String())
	}
}

// refusal is the fault of a request for which a limit has too little.
func refusal(rates []rate.Rate, granted []rate.Granted) error {
	var fault *wire.Fault
	for i, g := range granted {
		if g.Wait <= 0 || fault != nil && g.Wait <= fault.After {
			continue
		}
		kind, _, _ := strings.Cut(rates[i].Name, ":")
		fault = wire.Coded("rate_limit_exceeded", "The limit of "+strconv.FormatInt(rates[i].PerMinute, 10)+" "+kind+
			" per minute is reached: try again in "+g.Wait.Round(time.Millisecond).String()+".")
		fault.After = g.Wait
	}
	if fault == nil {
		return nil
	}
	return fault
}

// ownRates are those of this process.
type ownRates struct {
	mu   sync.Mutex
	full *lru.Cache[string, time.Time] // by name: when the last unit is refilled
	now  func() time.Time
}

func (o *ownRates) take(rates []rate.Rate) []rate.Granted {
	o.mu.Lock()
	defer o.mu.Unlock()
	now, wait := o.now(), false
	granted, fulls := make([]rate.Granted, len(rates)), make([]time.Time, len(rates))
	for i, r := range rates {
		full, _ := o.full.Get(r.Name)
		granted[i], fulls[i] = r.Ask(now, full)
		wait = wait || granted[i].Wait > 0
	}
	for i, r := range rates {
		if !wait {
			o.full.Add(r.Name, fulls[i])
		}
	}
	return granted
}
