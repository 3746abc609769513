package api

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dreamlab/providers/completion"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// semantic is a rig whose cache compares questions: those that hold a word have its vector.
func semantic(t *testing.T) (c *cached, vectors *atomic.Int32) {
	t.Helper()
	queue := storetest.EmbeddedQueue(t)
	c = newCached(t, func(o *Options) {
		o.Cache = cacheIn(queue)
		o.CacheSemantic = Semantic{Questions: cacheIn(queue), Model: "together/base", Threshold: 0.9}
	})
	vectors = &atomic.Int32{}
	c.on(tasks.EmbedRun, func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
		vectors.Add(1)
		in := string(run.Job.Input)
		vector := []float32{1, 0.1}
		switch {
		case strings.Contains(in, "broken"):
			return nil, tasks.Fail("vendor_unavailable", "the vendor is down")
		case strings.Contains(in, "weather"):
			vector = []float32{-0.1, 1}
		case strings.Contains(in, "password now"):
			vector = []float32{1, 0.2}
		}
		var texts []string
		if err := json.Unmarshal(completion.EncodeVectors([][]float32{vector}), &texts); err != nil {
			return nil, err
		}
		return &tasks.End{Result: json.RawMessage(`{"object":"list","data":[{"object":"embedding","index":0,"embedding":"` +
			texts[0] + `"}],"model":"together/base","usage":null,"dreamlab":{}}`)}, nil
	})
	return c, vectors
}

func cold(question string) string {
	return `{"model":"assistant","temperature":0,"messages":[{"role":"system","content":"be brief"},` +
		`{"role":"user","content":"` + question + `"}]}`
}

// TestSemanticHit answers a question that means the same from the cache, says how alike it is, and asks
// all others: another meaning, number, context, setting or tenant.
func TestSemanticHit(t *testing.T) {
	t.Parallel()
	c, vectors := semantic(t)
	c.ask(t, request{body: cold("how do I reset my password?")}, "miss", 1)
	again := c.ask(t, request{body: cold("How can i reset the password now?")}, "semantic", 1)
	if at, _ := again.value("dreamlab", "similarity").(float64); at < 0.98 || at > 1 || again.value("dreamlab", "cost_usd") != 0.0 {
		t.Errorf("it says of itself %s", again.body)
	}
	if n := vectors.Load(); n != 2 {
		t.Errorf("%d vectors were made", n)
	}
	c.ask(t, request{body: cold("how do I reset my password?")}, "hit", 1)
	if n := vectors.Load(); n != 2 {
		t.Errorf("an equal question had a vector made: %d", n)
	}
	asked := int32(1)
	for name, body := range map[string]string{
		"another meaning": cold("how is the weather?"),
		"a number":        cold("how do I reset my password 7?"),
		"a name":          cold("how do I reset my Gmail password?"),
		"a negation":      cold("how do I not reset my password?"),
		"another system":  strings.Replace(cold("how can I reset it?"), "brief", "long", 1),
		"another setting": with(cold("how can I reset it?"), `"max_tokens":7`),
		"another model":   strings.Replace(cold("how can I reset it?"), "assistant", "other", 1),
	} {
		asked++
		if a := c.ask(t, request{body: body}, "miss", asked); a.value("dreamlab", "similarity") != nil {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	c.ask(t, request{body: cold("how can I reset it?"), key: c.other}, "miss", asked+1)
	before := vectors.Load()
	c.ask(t, request{body: strings.Replace(cold("how can I reset it?"), `"temperature":0,`, "", 1)}, "bypass", asked+2)
	c.ask(t, request{body: with(cold("how can I reset it?"), `"store":false`)}, "bypass", asked+3)
	c.do(request{method: "POST", path: "/v1/chat/completions", body: with(cold("reset?"), `"dreamlab":{"cache":"only"}`)}).want(t, 404, "")
	if n := vectors.Load(); n != before {
		t.Errorf("questions that are not cached had %d vectors made", n-before)
	}
	if !strings.Contains(string(c.get("/metrics").body), "dreamlab_cache_semantic_total 1\n") {
		t.Error("the hit is not counted")
	}
}

// TestSemanticStream gives the answer as a stream, and to all equal questions at once for one vector.
func TestSemanticStream(t *testing.T) {
	t.Parallel()
	c, vectors := semantic(t)
	c.ask(t, request{body: cold("how do I reset my password?")}, "miss", 1)
	res := c.open(request{method: "POST", path: "/v1/chat/completions", body: with(cold("how can I reset it?"), `"stream":true`)})
	all := events(t, res)
	if state := res.Header.Get("X-Dreamlab-Cache"); state != "semantic" || all[len(all)-1].data != "[DONE]" {
		t.Errorf("the stream: %s, %v", state, all)
	}
	before := vectors.Load()
	var once sync.WaitGroup
	for range 8 {
		once.Go(func() {
			a := c.do(request{method: "POST", path: "/v1/chat/completions", body: cold("can I reset it, how?")})
			if state := a.header.Get("X-Dreamlab-Cache"); a.status != 200 || state != "semantic" {
				t.Errorf("%d, %s: %s", a.status, state, a.body)
			}
		})
	}
	once.Wait()
	if n := c.asked.Load(); n != 1 || vectors.Load() == before {
		t.Errorf("%d chats were asked for, and %d vectors", n, vectors.Load()-before)
	}
}

// TestSemanticForgets finds nothing any more of a question whose conversation was forgotten.
func TestSemanticForgets(t *testing.T) {
	t.Parallel()
	c, _ := semantic(t)
	first := c.ask(t, request{body: cold("how do I reset my password?")}, "miss", 1)
	c.ask(t, request{body: cold("how can I reset it?")}, "semantic", 1)
	must(t, c.options.CacheSemantic.Questions.(*redis.Cache).Drop(t.Context(), []string{first.text(t, "dreamlab", "job")}))
	c.ask(t, request{body: cold("how can I reset it?")}, "miss", 2)
}

// TestSemanticFailures lets chats go on without a vector.
func TestSemanticFailures(t *testing.T) {
	t.Parallel()
	c, _ := semantic(t)
	c.ask(t, request{body: cold("how do I reset my broken password?")}, "miss", 1)
	c.ask(t, request{body: cold("how do I reset my broken password?")}, "hit", 1)
	c.ask(t, request{body: cold("how can I reset my broken password?")}, "miss", 2)
}
