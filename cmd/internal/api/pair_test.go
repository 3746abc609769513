package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/chat"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/openai"
	"dreamlab/providers/openai/emulator"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// pair is a route to two emulated vendors, with a router of its own whose sleep leaps.
type pair struct {
	*rig
	first, second emulated
	slept         atomic.Int64
	prefilled     atomic.Bool  // a vendor was given the beginning of its answer
	rest          http.Handler // answers that; nil where the vendors do not know how
}

// emulated is one of the vendors.
type emulated struct {
	*lab.Lab
	asked *atomic.Int64 // for a chat
}

// newPair puts chats of the alias to two vendors. The limits are as short as a busy
// machine allows: a vendor that is silent is waited for as long.
func newPair(t *testing.T, r *rig, prefill providers.Prefill) *pair {
	t.Helper()
	p := &pair{rig: r}
	prices, err := catalog.Load(nil)
	must(t, err)
	drivers := map[string]providers.Driver{}
	open := func(name string) emulated {
		l, err := lab.New(lab.Options{})
		must(t, err)
		t.Cleanup(func() { must(t, l.Close()) })
		e := emulated{l, &atomic.Int64{}}
		server := httptest.NewServer(p.watched(e, emulator.New(l)))
		transport := &http.Transport{}
		t.Cleanup(server.Close)
		t.Cleanup(transport.CloseIdleConnections)
		drivers[name], err = openai.Compatible(name, server.URL+"/v1", l.Credential()).
			Open(providers.Config{HTTP: &http.Client{Transport: transport}, Prefill: prefill})
		must(t, err)
		prices.Register(catalog.Free(name))
		return e
	}
	p.first, p.second = open("first"), open("second")
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: drivers, Prices: prices,
		Now: func() time.Time { return time.Now().Add(time.Duration(p.slept.Load())) },
		Sleep: func(ctx context.Context, wait time.Duration) error {
			p.slept.Add(int64(wait))
			return ctx.Err()
		},
	})
	limits := providers.Limits{Headers: 2 * time.Second, FirstToken: time.Second, Silence: time.Second}
	caller := handlers.NewCaller(handlers.CallerOptions{
		Router: router, Limits: map[string]providers.Limits{"assistant": limits},
	})
	r.on(tasks.ChatRun, chat.New(chat.Options{Caller: caller, Replies: r.replies}))
	return p
}

// watched counts what a vendor is asked, and notes whether it is to go on from the
// beginning of an answer.
func (p *pair) watched(e emulated, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		e.asked.Add(1)
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return // the caller has gone
		}
		if bytes.Contains(body, []byte(`"role":"assistant"`)) {
			p.prefilled.Store(true)
		}
		q.Body = io.NopCloser(bytes.NewReader(body))
		if p.prefilled.Load() && p.rest != nil {
			p.rest.ServeHTTP(w, q)
			return
		}
		next.ServeHTTP(w, q)
	})
}

func routeTo(t *testing.T, r *rig, models ...string) {
	t.Helper()
	route := learn.Route{Alias: "assistant", Version: 1, Author: "config"}
	for tier, model := range models {
		route.Targets = append(route.Targets, learn.RouteTarget{Model: model, Weight: 1, Tier: tier})
	}
	_, err := r.store.SetRoute(t.Context(), route)
	must(t, err)
}

// outcome is what a client got.
type outcome struct {
	answer
	text   string // of the answer
	model  string // that is said to have answered
	ended  bool   // the answer says that it is whole
	code   string // of the error
	calls  any    // under dreamlab
	vendor any

	resumed any
}

// ask asks for a chat and reads what came, in either form.
func (p *pair) ask(t *testing.T, streamed bool, recovery string) outcome {
	t.Helper()
	body := fmt.Sprintf(`{"model":"assistant","stream":%v,"messages":[{"role":"user","content":"What is the capital of France?"}],`+
		`"dreamlab":{"stream_recovery":%q}}`, streamed, recovery)
	got := outcome{answer: p.post("/v1/chat/completions", body)}
	if !streamed || got.status != 200 {
		got.text, _ = pathOf(got.value("choices"), 0, "message", "content").(string)
		got.model, _ = got.value("model").(string)
		got.ended = pathOf(got.value("choices"), 0, "finish_reason") == "stop"
		got.code, _ = got.value("error", "code").(string)
		got.calls, got.vendor = got.value("dreamlab", "calls"), got.value("dreamlab", "provider")
		return got
	}
	got.readStream(t)
	return got
}

func (o *outcome) readStream(t *testing.T) {
	t.Helper()
	failed := false
	for line := range strings.SplitSeq(string(o.body), "\n") {
		failed = failed || line == "event: error"
		data, isData := strings.CutPrefix(line, "data: ")
		switch {
		case !isData:
			continue
		case data == "[DONE]":
			o.ended = true
			continue
		}
		var chunk map[string]any
		must(t, json.Unmarshal([]byte(data), &chunk))
		if failed {
			o.code, _ = pathOf(chunk, "error", "code").(string)
			continue
		}
		text, _ := pathOf(chunk, "choices", 0, "delta", "content").(string)
		o.text += text
		o.model, _ = chunk["model"].(string)
		if ours, ok := chunk["dreamlab"].(map[string]any); ok {
			o.calls, o.vendor, o.resumed = ours["calls"], ours["provider"], ours["resumed"]
		}
	}
}

// pathOf follows keys and positions into a decoded value; nil where there is none.
func pathOf(at any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := at.(map[string]any)
			at = object[step]
		case int:
			list, _ := at.([]any)
			if step >= len(list) {
				return nil
			}
			at = list[step]
		}
	}
	return at
}
