package chat

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestRenamed(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`{"id":"x","model":"m","choices":[{"delta":{"content":"\"id\":1"}}]}`: `{"id":"n","model":"a","choices":[{"delta":{"content":"\"id\":1"}}]}`,
		`{ "choices" : [ ] , "id" : "x\"}" , "usage" : {"id":{}} }`:           `{ "choices" : [ ] , "id" : "n" , "usage" : null,"model":"a"}`,
		`{}`: `{"id":"n","model":"a"}`,
	}
	for given, want := range tests {
		if got := string(look([]byte(given)).renamed("n", "a")); got != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
	}
}

func TestFinishes(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		`[{"delta":{},"finish_reason":"stop"}]`:                      true,
		`[{"finish_reason":null},{"finish_reason": "length"}]`:       true,
		`[{"delta":{"content":"\"finish_reason\":\"stop\""}}]`:       false,
		`[{"delta":{"content":"x"},"finish_reason":null,"index":0}]`: false,
	}
	for given, want := range tests {
		if finishes([]byte(given)) != want {
			t.Errorf("finishes(%s) is %v", given, !want)
		}
	}
}

func TestMembersReadWhatJSONReads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.MapOf(rapid.StringMatching(`[a-z]{1,6}`), rapid.Custom(func(t *rapid.T) any {
			return rapid.OneOf(
				rapid.Just[any](nil), rapid.Map(rapid.String(), func(s string) any { return s }),
				rapid.Map(rapid.Int(), func(n int) any { return n }),
				rapid.Map(rapid.SliceOf(rapid.String()), func(s []string) any { return s }),
				rapid.Map(rapid.MapOf(rapid.String(), rapid.Bool()), func(m map[string]bool) any { return m }),
			).Draw(t, "value")
		})).Draw(t, "object")
		var object []byte
		if rapid.Bool().Draw(t, "indented") {
			object, _ = json.MarshalIndent(texts, "", "  ")
		} else {
			object = encode(texts)
		}
		got := map[string]json.RawMessage{}
		members(object, func(key string, start, end int) { got[key] = object[start:end] })
		want := map[string]json.RawMessage{}
		if err := json.Unmarshal(object, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: got %s, want %s", object, got, want)
		}
	})
}
