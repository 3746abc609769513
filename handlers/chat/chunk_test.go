package chat

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

var label7 = label{id: []byte(`"n"`), model: []byte(`"a"`)}

func TestChunkIsLabelled(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`{"id":"x","model":"m","choices":[{"delta":{"content":"\"id\":1"}}]}`: `{"id":"n","model":"a","choices":[{"delta":{"content":"\"id\":1"}}]}`,
		`{ "choices" : [ ] , "id" : "x\"}" , "usage" : {"id":{}} }`:           `{ "choices" : [ ] , "id" : "n" , "usage" : null,"model":"a"}`,
		`{}`: `{"id":"n","model":"a"}`,
	}
	for given, want := range tests {
		if got := string(label7.chunk([]byte(given)).data); got != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
	}
}

func TestWholeKeepsItsUsage(t *testing.T) {
	t.Parallel()
	given := `{"id":"x","usage":{"prompt_tokens":1},"model":"m"}`
	if got := string(label7.whole([]byte(given), nil)); got != `{"id":"n","usage":{"prompt_tokens":1},"model":"a"}` {
		t.Errorf("got %s", got)
	}
}

func TestLabelChangesNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.MapOf(rapid.StringMatching(`[a-z]{1,6}|id|model|usage`), rapid.OneOf(
			rapid.Just[any](nil), rapid.String().AsAny(), rapid.SliceOf(rapid.String()).AsAny(),
			rapid.MapOf(rapid.String(), rapid.Bool()).AsAny())).Draw(t, "object")
		text, err := json.Marshal(object)
		if rapid.Bool().Draw(t, "indented") {
			text, err = json.MarshalIndent(object, "", "  ")
		}
		if err != nil {
			t.Fatal(err)
		}
		var got, want map[string]any
		if err := json.Unmarshal(label7.chunk(text).data, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		want["id"], want["model"] = "n", "a"
		if _, counted := want["usage"]; counted {
			want["usage"] = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s became %v, want %v", text, got, want)
		}
	})
}
