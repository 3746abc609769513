package providertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"dreamlab/providers"
)

const question = "What are your opening hours?"

func (h Harness) chat(t *testing.T) {
	r := h.rig(t)
	reply, err := r.driver.Chat(t.Context(), r.request(question), nil)
	if err != nil {
		t.Fatal(err)
	}
	checkReply(t, reply)
	if !json.Valid(reply.Body) || !strings.Contains(string(reply.Body), `"choices"`) {
		t.Errorf("body %.200s", reply.Body)
	}
}

func checkReply(t *testing.T, reply *providers.Reply) {
	t.Helper()
	if reply.Content == "" || !json.Valid(reply.Message) {
		t.Errorf("content %q, message %s", reply.Content, reply.Message)
	}
	if reply.Finish != "stop" && reply.Finish != "length" {
		t.Errorf("finish %q, want stop or length", reply.Finish)
	}
	if reply.Usage.Missing || reply.Usage.Input <= 0 || reply.Usage.Output <= 0 {
		t.Errorf("usage %+v", reply.Usage)
	}
	if reply.Model == "" || reply.RequestID == "" || !reply.Sandbox {
		t.Errorf("model %q, request %q, sandbox %v", reply.Model, reply.RequestID, reply.Sandbox)
	}
}

// deltas collects the text of the first choice as a plain client would.
type deltas struct {
	text  strings.Builder
	count int
	shown int
}

func (d *deltas) sink(chunk providers.Chunk) error {
	var event struct {
		Choices []struct {
			Delta struct{ Content string }
		}
	}
	if err := json.Unmarshal(chunk.Data, &event); err != nil {
		return err
	}
	if strings.ContainsAny(string(chunk.Data), "\r\n") {
		return errors.New("a chunk holds a line end")
	}
	d.count++
	if chunk.Shows {
		d.shown++
	}
	if len(event.Choices) > 0 {
		d.text.WriteString(event.Choices[0].Delta.Content)
	}
	return nil
}

func (h Harness) stream(t *testing.T) {
	r := h.rig(t)
	var got deltas
	reply, err := r.driver.Chat(t.Context(), r.request(question), got.sink)
	if err != nil {
		t.Fatal(err)
	}
	checkReply(t, reply)
	if got.text.String() != reply.Content || got.shown == 0 || !reply.Shown || !json.Valid(reply.Body) {
		t.Errorf("%d chunks say %q, the reply %+v", got.count, got.text.String(), reply)
	}
	stop := errors.New("the reader is gone")
	reply, err = r.driver.Chat(t.Context(), r.request(question), func(providers.Chunk) error { return stop })
	if !errors.Is(err, stop) || providers.KindOf(err) != providers.KindCancelled || reply == nil {
		t.Errorf("the sink stopped: got %v", err)
	}
}

// paid compares what the replies count with what the emulator has billed.
func (h Harness) paid(t *testing.T) {
	r := h.rig(t)
	var counted providers.Usage
	for i := range 4 {
		var got deltas
		sink := got.sink
		if i%2 == 0 {
			sink = nil
		}
		reply, err := r.driver.Chat(t.Context(), r.request(question), sink)
		if err != nil {
			t.Fatal(err)
		}
		counted.Input, counted.Output = counted.Input+reply.Usage.Input, counted.Output+reply.Usage.Output
	}
	paid := r.lab(t).Payments()
	if len(paid) != 1 || paid[0].Calls != 4 || paid[0].TokensIn != counted.Input || paid[0].TokensOut != counted.Output {
		t.Errorf("the replies count %+v, the vendor billed %+v", counted, paid)
	}
}

func (h Harness) models(t *testing.T) {
	r := h.rig(t)
	models, err := r.driver.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(models, func(m providers.ModelInfo) bool { return m.ID == h.Model && m.Active }) {
		t.Errorf("%s is not in %+v", h.Model, models)
	}
}

func (h Harness) concurrent(t *testing.T) {
	r := h.rig(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			var got deltas
			if reply, err := r.driver.Chat(t.Context(), r.request(question), got.sink); err != nil {
				t.Error(err)
			} else if reply.Content != got.text.String() {
				t.Errorf("answers got mixed up: %q and %q", reply.Content, got.text.String())
			}
		})
	}
	wait.Wait()
}

func (h Harness) unsupported(t *testing.T) {
	r := h.rig(t)
	for param, change := range h.Lacks {
		req := r.request(question)
		change(req)
		before := r.calls.Load()
		_, err := r.driver.Chat(t.Context(), req, nil)
		e := asError(t, err)
		if e.Kind != providers.KindUnsupported || e.Param != param || e.Charge != providers.ChargeNone {
			t.Errorf("%s: got %v (param %q, charge %s)", param, e, e.Param, e.Charge)
		}
		if r.calls.Load() != before {
			t.Errorf("%s: the vendor was asked", param)
		}
	}
}

// options has the vendor's own parameters reach it, and others refused by name.
func (h Harness) options(t *testing.T) {
	r := h.rig(t)
	var sent []byte
	record := func(w http.ResponseWriter, q *http.Request, _ http.Handler) bool {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		sent = body
		w.WriteHeader(http.StatusInternalServerError)
		return true
	}
	req, taken := r.request(question), r.vendor(Key).Options
	req.Options = map[string]json.RawMessage{}
	for _, name := range taken {
		req.Options[name] = json.RawMessage(`"flex"`) // which all have whose tiers of service are known
	}
	req.Vendor = map[string]json.RawMessage{"in_no_list": json.RawMessage(`7`)}
	r.during(record, func() {
		_, err := r.driver.Chat(t.Context(), req, nil)
		wantKind(t, "a vendor that fails", err, providers.KindServer)
	})
	for _, name := range append(slices.Clone(taken), "in_no_list") {
		if !bytes.Contains(sent, []byte(`"`+name+`":`)) {
			t.Errorf("%s did not reach the vendor", name)
		}
	}
	req.Options = map[string]json.RawMessage{"service_tier": json.RawMessage(`"flex"`), "temprature": json.RawMessage(`1`)}
	_, err := r.driver.Chat(t.Context(), req, nil)
	e := asError(t, err)
	if e.Kind != providers.KindUnsupported || e.Param != "temprature" || e.Charge != providers.ChargeNone {
		t.Errorf("an option that the vendor lacks: got %v (param %q, charge %s)", e, e.Param, e.Charge)
	}
}

func (h Harness) unknownModel(t *testing.T) {
	r := h.rig(t)
	req := r.request(question)
	req.Model = "nobody/no-such-model"
	_, err := r.driver.Chat(t.Context(), req, nil)
	if e := asError(t, err); e.Kind != providers.KindModelGone || e.Charge != providers.ChargeNone {
		t.Errorf("got %v, want a model that is gone", e)
	}
}

func (h Harness) wrongKey(t *testing.T) {
	r := h.rig(t)
	wrong := "tk_wrong_9f8e7d6c5b4a3210"
	driver := r.open(t, wrong)
	_, err := driver.Chat(t.Context(), r.request(question), nil)
	if e := asError(t, err); e.Kind != providers.KindAuth || strings.Contains(e.Error(), wrong) {
		t.Errorf("got %v, want a wrong key that is not shown", e)
	}
	_, err = driver.Models(t.Context())
	wantKind(t, "models", err, providers.KindAuth)
}

// asError demands an [*providers.Error] that says who failed.
func asError(t *testing.T, err error) *providers.Error {
	t.Helper()
	var e *providers.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	if e.Provider == "" || e.Kind == "" || e.Charge == "" {
		t.Errorf("the error lacks provider, kind or charge: %+v", e)
	}
	return e
}

// wantKind demands a failure of a kind.
func wantKind(t *testing.T, what string, err error, kind providers.Kind) {
	t.Helper()
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Errorf("%s: got %v, want %s", what, err, kind)
	}
}

func (h Harness) embeddings(t *testing.T) {
	r := h.rig(t)
	embedder, ok := r.driver.(providers.Embedder)
	if !ok {
		t.Fatal("the driver has no embeddings")
	}
	reply, err := embedder.Embed(t.Context(), providers.EmbedRequest{Model: h.Embeddings, Inputs: []string{"one", "two", "one"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(reply.Vectors) != 3 || !slices.Equal(reply.Vectors[0], reply.Vectors[2]) ||
		slices.Equal(reply.Vectors[0], reply.Vectors[1]) {
		t.Errorf("vectors %v", reply.Vectors)
	}
	r.during(answering(200, nil, `{"data":[]}`), func() {
		if _, err := embedder.Embed(t.Context(), providers.EmbedRequest{Model: h.Embeddings, Inputs: []string{"one"}}); err == nil {
			t.Error("an answer without vectors is no error")
		}
	})
}
