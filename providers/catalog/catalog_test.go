package catalog_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/completion"
)

func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

func load(t *testing.T, override string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(strings.NewReader(override))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBuiltIn(t *testing.T) {
	t.Parallel()
	c, err := catalog.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	now := day("2026-11-23")
	for _, m := range c.Models() {
		if m.Source == "" && m.Note == "" || !m.RetiredAt(now) && m.Replacement != "" {
			t.Errorf("%s/%s: source %q, replaced by %q while it is served", m.Provider, m.ID, m.Source, m.Replacement)
		}
		if m.Replacement != "" {
			if next, ok := c.Replacement(m.Provider, m.ID, now); !ok || next.RetiredAt(now) || len(next.Prices) == 0 {
				t.Errorf("%s/%s leads to %+v", m.Provider, m.ID, next)
			}
		}
		for _, p := range m.Prices {
			if hourly := p.In == 0 && p.Out == 0 && m.Can("hourly"); hourly {
				continue // its machines are paid, not its tokens
			}
			if p.In <= 0 || p.Out < p.In && !m.Can("embeddings") || p.CachedIn > p.In || (p.Batch != nil && p.Batch.In > p.In) {
				t.Errorf("%s/%s has an odd price %+v", m.Provider, m.ID, p)
			}
		}
	}
	for _, name := range []string{"groq/openai/gpt-oss-120b",
		"together/openai/gpt-oss-20b"} { // the defaults of lead and base
		provider, id, _ := strings.Cut(name, "/")
		if m, ok := c.Find(provider, id); !ok || m.Status != catalog.Active || !m.Can("json_schema") {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestPriceByDay(t *testing.T) {
	t.Parallel()
	c := load(t, `{"models":[]}`)
	const llama = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
	for at, want := range map[string]int64{"2026-09-23": 880_000_000, "2026-09-24": 1_040_000_000,
		"2027-01-01": 1_040_000_000} {
		price, err := c.Price("together", llama, day(at))
		if err != nil || price.In != want || price.Batch == nil || price.Batch.In != want/2 {
			t.Errorf("on %s: %+v, %v; want %d", at, price, err, want)
		}
	}
	for what, err := range map[string]error{
		"before its first day": second(c.Price("together", llama, day("2020-01-01"))),
		"not in the catalogue": second(c.Price("together", "none", day("2026-01-01"))),
		"without a price":      second(c.Price("azure", "Llama-4-Scout-17B-16E-Instruct", day("2026-01-01"))),
		"bound without price": secondInt(c.Quote("together", "none", &providers.Request{},
			day("2026-01-01"))),
	} {
		if err == nil || !strings.Contains(err.Error(), "add its price") {
			t.Errorf("%s: %v, want an error that says what to do", what, err)
		}
	}
}

func second(_ providers.Price, err error) error { return err }
func secondInt(_ int64, err error) error        { return err }

func TestCachedAndBatchRates(t *testing.T) {
	t.Parallel()
	c := load(t, `{"models":[{"vendor":"p","id":"m","prices":[{"input":"1","output":"2","cached":"0.25",`+
		`"cache_write":"1.25","batch":{"input":"0.4","output":"0.9"},"flex":{"part":"0.5"},"priority":{"part":"1.75"},`+
		`"reserved":{"input":"0.1","output":"0.2","cache_write":"0.3"}}]}]}`)
	price, err := c.Price("p", "m", day("2026-01-01"))
	if err != nil {
		t.Fatal(err)
	}
	usage := providers.Usage{Input: 1000, CachedInput: 400, Output: 100}
	if got, want := price.Cost(usage), int64(600_000+100_000+200_000); got != want {
		t.Errorf("live %d, want %d", got, want)
	}
	if got, want := price.Batch.Cost(usage), int64(400_000+90_000); got != want {
		t.Errorf("batch %d, want %d", got, want)
	}
	if got, want := price.Flex.Cost(usage), int64(300_000+50_000+100_000); got != want {
		t.Errorf("flex %d, want %d", got, want)
	}
	if got, want := price.Priority.Cost(usage), int64(1_050_000+175_000+350_000); got != want {
		t.Errorf("priority %d, want %d", got, want)
	}
	usage.CacheWrite = 100
	for tier, want := range map[string]int64{
		"": 500_000 + 100_000 + 125_000 + 200_000, "unheard-of": 925_000, "flex": 462_500, "priority": 1_618_750,
		"reserved": 50_000 + 40_000 + 30_000 + 20_000,
	} {
		rates := price.Served(tier)
		if got := rates.Cost(usage); got != want {
			t.Errorf("with a cache written, tier %q: %d, want %d", tier, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	c := load(t, `{"models":[
 {"vendor":"p","id":"bounded","max_output":100,"context":9000,"prices":[{"input":"1","output":"1"}]},
 {"vendor":"p","id":"context","context":3000,"prices":[{"input":"1","output":"1"}]},
 {"vendor":"p","id":"open","prices":[{"input":"1","output":"1"}]}]}`)
	two := 2
	request := func(tokens int, n *int) *providers.Request {
		return &providers.Request{Settings: completion.Settings{MaxTokens: tokens, N: n},
			Messages: []providers.Message{providers.TextMessage("user", "hello")}}
	}
	for name, want := range map[string]int64{"bounded": 100, "context": 3000, "open": 4096} {
		input := providers.InputBound(request(0, nil))
		for _, ask := range []struct {
			req    *providers.Request
			output int64
		}{{request(0, nil), want}, {request(7, nil), 7}, {request(7, &two), 14}} {
			got, err := c.Quote("p", name, ask.req, day("2026-01-01"))
			if err != nil || got != (input+ask.output)*1000 {
				t.Errorf("%s: %d, %v; want %d", name, got, err, (input+ask.output)*1000)
			}
		}
	}
}

// TestQuoteOfATier reserves what the dearest way to be served costs, also where the price
// of the faster tier is not known.
func TestQuoteOfATier(t *testing.T) {
	t.Parallel()
	c := load(t, `{"models":[
 {"vendor":"p","id":"m","prices":[{"input":"1","output":"1","cache_write":"2","flex":{"part":"0.5"},"priority":{"part":"3"}}]},
 {"vendor":"p","id":"unknown","prices":[{"input":"1","output":"1"}]}]}`)
	for _, ask := range []struct {
		model, tier string
		in, out     int64
	}{
		{"m", "", 2000, 1000}, {"m", "flex", 2000, 1000}, {"m", "priority", 6000, 3000},
		{"unknown", "flex", 1000, 1000}, {"unknown", "priority", 2000, 2000},
	} {
		req := &providers.Request{Settings: completion.Settings{MaxTokens: 10}}
		if ask.tier != "" {
			req.Options = map[string]json.RawMessage{"service_tier": []byte(`"` + ask.tier + `"`)}
		}
		got, err := c.Quote("p", ask.model, req, day("2026-01-01"))
		if want := providers.InputBound(req)*ask.in + 10*ask.out; err != nil || got != want {
			t.Errorf("%+v: %d, %v; want %d", ask, got, err, want)
		}
	}
}

func TestOverride(t *testing.T) {
	t.Parallel()
	c := load(t, `{"models":[
 {"vendor":"groq","id":"openai/gpt-oss-20b",
	  "prices":[{"from":"2026-12-01","input":"0.9","output":"0.9"},{"input":"0.5","output":"0.5"}]},
 {"vendor":"new","id":"m","status":"deprecated","shutdown":"2026-12-31","replacement":"n",
	  "prices":[{"input":"1","output":"1"}]},
 {"vendor":"new","id":"n","replacement":"m","status":"retired"}]}`)
	for at, want := range map[string]int64{"2026-11-30": 500_000_000, "2026-12-01": 900_000_000} {
		if price, err := c.Price("groq", "openai/gpt-oss-20b", day(at)); err != nil || price.In != want {
			t.Errorf("on %s: %+v, %v; want %d", at, price, err, want)
		}
	}
	if m, ok := c.Replacement("new", "m", day("2026-12-30")); !ok || m.ID != "m" {
		t.Errorf("before the last day: %+v", m)
	}
	if m, ok := c.Replacement("new", "m", day("2026-12-31")); ok {
		t.Errorf("a circle of replacements leads to %+v", m)
	}
}

func TestFaultsOfAnOverride(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"not yaml":      `{"models":`,
		"unknown field": `{"models":[{"vendor":"p","id":"m","prise":1}]}`,
		"no id":         `{"models":[{"vendor":"p"}]}`,
		"status":        `{"models":[{"vendor":"p","id":"m","status":"old"}]}`,
		"day":           `{"models":[{"vendor":"p","id":"m","shutdown":"31.12.2026"}]}`,
		"price's day": `{"models":[{"vendor":"p","id":"m","prices":[{"from":"x","input":"1",` +
			`"output":"1"}]}]}`,
		"half a price":        `{"models":[{"vendor":"p","id":"m","prices":[{"input":"1"}]}]}`,
		"negative":            `{"models":[{"vendor":"p","id":"m","prices":[{"input":"-1","output":"1"}]}]}`,
		"training":            `{"models":[{"vendor":"p","id":"m","prices":[{"input":"1","output":"1","train":"much"}]}]}`,
		"preference training": `{"models":[{"vendor":"p","id":"m","prices":[{"input":"1","output":"1","train_dpo":"much"}]}]}`,
		"half a batch":        `{"models":[{"vendor":"p","id":"m","prices":[{"input":"1","output":"1","batch":{"input":"1"}}]}]}`,
		"part of a batch": `{"models":[{"vendor":"p","id":"m","prices":[{"input":"1","output":"1",` +
			`"batch":{"part":"half"}}]}]}`,
		"part and rate": `{"models":[{"vendor":"p","id":"m","prices":[{"input":"1","output":"1",` +
			`"flex":{"part":"0.5","input":"1"}}]}]}`,
		"negative limit": `{"models":[{"vendor":"p","id":"m","context":-1}]}`,
		"too large":      "# " + strings.Repeat("x", 4<<20),
	}
	for name, text := range cases {
		if _, err := catalog.Load(strings.NewReader(text)); err == nil ||
			!strings.Contains(err.Error(), "file of models and prices") {
			t.Errorf("%s: %v", name, err)
		}
	}
	two := `{"models":[{"vendor":"p","id":"a","status":"x"},{"vendor":"p","id":"b","status":"y"}]}`
	_, err := catalog.Load(strings.NewReader(two))
	if err == nil || !strings.Contains(err.Error(), "p/a") || !strings.Contains(err.Error(), "p/b") {
		t.Errorf("%v, want both faults at once", err)
	}
}

func TestRegisterWhileAsking(t *testing.T) {
	t.Parallel()
	c := load(t, `{"models":[]}`)
	c.Register(catalog.Free("own"))
	tuned := catalog.Model{Provider: "together", ID: "acct/dreamlab-x", Prices: []providers.Price{{}}}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() { c.Register(tuned) })
		wait.Go(func() {
			if price, err := c.Price("own", "anything", day("2026-01-01")); err != nil || price.In != 0 {
				t.Errorf("a free server: %+v, %v", price, err)
			}
		})
	}
	wait.Wait()
	if m, ok := c.Find("together", "acct/dreamlab-x"); !ok || m.ID != tuned.ID {
		t.Errorf("the tuned model is %+v", m)
	}
	for _, m := range c.Models() {
		if m.ID == catalog.Any {
			t.Error("the entry for any model is listed as a model")
		}
	}
}

// TestDecimalsAreExact reads prices with quotes and without: neither becomes a float.
func TestDecimalsAreExact(t *testing.T) {
	t.Parallel()
	c := load(t, "vendor: p\nmodels:\n  - {id: m, prices: [{input: 0.0375, output: \"0.1\"}]}\n")
	price, err := c.Price("p", "m", day("2026-01-01"))
	if err != nil || price.In != 37_500_000 || price.Out != 100_000_000 {
		t.Errorf("%+v, %v", price, err)
	}
}
