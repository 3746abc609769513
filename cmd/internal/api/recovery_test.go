package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/book"
)

// TestBrokenStreamIsResumed has the first vendor break off or fall silent, and the second
// go on from what the client was shown.
func TestBrokenStreamIsResumed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	routeTo(t, r, "first/small", "second/large")
	for _, kind := range []string{lab.FaultTruncate, lab.FaultStall} {
		t.Run(kind, func(t *testing.T) {
			p := newPair(t, r, providers.PrefillContinue)
			whole := p.ask(t, false, "error").text
			p.rest = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { goOn(t, w, q, whole) })
			must(t, p.first.AddFault(lab.Fault{Vendor: "*", Kind: kind, Chunks: 2}))
			got := p.ask(t, true, "resume")
			if got.text != whole || !got.ended || got.code != "" || got.model != "second/large" || got.calls != 2.0 {
				t.Errorf("%q by %s after %v calls, whole %v, %q, want %q: %s",
					got.text, got.model, got.calls, got.ended, got.code, whole, got.body)
			}
			seam := map[string]any{"provider": "first", "model": "small", "at": float64(len(strings.Fields(whole)[0]))}
			if !reflect.DeepEqual(got.resumed, []any{seam}) {
				t.Errorf("the last chunk tells %v, want %v", got.resumed, seam)
			}
			job := r.finished(got.header.Get("X-Dreamlab-Job"))
			if text := pathOf(decodeAny(t, job.Result), "choices", 0, "message", "content"); text != whole {
				t.Errorf("kept %q, want all of the answer", text)
			}
			holdBooks(t, r, job.ID)
		})
	}
}

// goOn answers a request that ends with the beginning of an answer with the rest of it.
func goOn(t *testing.T, w http.ResponseWriter, q *http.Request, whole string) {
	var body struct {
		Messages []struct{ Role, Content string }
		Continue bool  `json:"continue_final_message"`
		Begin    *bool `json:"add_generation_prompt"`
	}
	if err := json.NewDecoder(q.Body).Decode(&body); err != nil {
		t.Error(err)
	}
	last := body.Messages[len(body.Messages)-1]
	rest, begins := strings.CutPrefix(whole, last.Content)
	if last.Role != "assistant" || !begins || last.Content == "" || !body.Continue || body.Begin == nil || *body.Begin {
		t.Errorf("asked to go on by %+v", body)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, delta := range []string{`{"role":"assistant","content":""}`, fmt.Sprintf(`{"content":%q}`, rest)} {
		fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":%s}]}\n\n", delta)
	}
	fmt.Fprint(w, `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
}

func decodeAny(t *testing.T, text []byte) (value any) {
	t.Helper()
	must(t, json.Unmarshal(text, &value))
	return value
}

// holdBooks wants two tries on the books: what broke off as unknown, and the other settled.
func holdBooks(t *testing.T, r *rig, job string) {
	t.Helper()
	var states []string
	must(t, r.store.JobEntries(t.Context(), job, func(e book.Entry) error {
		states = append(states, string(e.State))
		return nil
	}))
	if !slices.Equal(states, []string{"unknown", "settled"}) {
		t.Errorf("the books hold %v", states)
	}
}
