package openai

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"

	"dreamlab/providers"
)

// TestPrefillOnTheWire has models go on from the last message, by every way that they
// are told to.
func TestPrefillOnTheWire(t *testing.T) {
	t.Parallel()
	last := func(members map[string]any) map[string]any {
		message := map[string]any{"role": "assistant", "content": "The"}
		for name, value := range members {
			message[name] = value
		}
		return message
	}
	tests := map[providers.Prefill]struct {
		last map[string]any
		told any
	}{
		providers.PrefillLast:     {last(nil), nil},
		providers.PrefillContinue: {last(nil), true},
		providers.PrefillPrefix:   {last(map[string]any{"prefix": true}), nil},
		providers.PrefillPartial:  {last(map[string]any{"partial": true}), nil},
	}
	if len(tests) != len(providers.Prefills()) {
		t.Errorf("%d ways are tested of %d", len(tests), len(providers.Prefills()))
	}
	for way, test := range tests {
		t.Run(string(way), func(t *testing.T) {
			t.Parallel()
			var sent struct {
				Messages []map[string]any
				Continue any `json:"continue_final_message"`
				Begin    any `json:"add_generation_prompt"`
			}
			dialect := Dialect{TakesExtra: true, Prefill: func(string) providers.Prefill { return way }}
			client := serve(t, dialect, func(w http.ResponseWriter, r *http.Request) {
				if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
					t.Error(err)
				}
				body(500, "application/json", `{}`)(w, r)
			})
			request := hello()
			request.Messages, request.Prefilled = append(request.Messages, providers.TextMessage("assistant", "The")), true
			if _, err := client.Chat(t.Context(), request, new(gather).sink); err == nil {
				t.Error("no error")
			}
			if !client.Prefills("m") || len(sent.Messages) != 2 || !reflect.DeepEqual(sent.Messages[1], test.last) {
				t.Errorf("sent %+v", sent)
			}
			if sent.Continue != test.told || (sent.Begin == nil) != (test.told == nil) {
				t.Errorf("told to go on by %v, %v", sent.Continue, sent.Begin)
			}
			if request.Messages[1].Extra != nil || request.Vendor != nil {
				t.Error("the caller's request was changed")
			}
		})
	}
	if New(Dialect{}, providers.Config{}).Prefills("m") {
		t.Error("a dialect that does not say so prefills")
	}
}
