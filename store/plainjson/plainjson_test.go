package plainjson

import (
	"encoding/json"
	"math"
	"testing"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		`"<b> & \"c\"\n"`:    "<b> & \"c\"\n",
		`{"a":1,"b":null}`:   map[string]any{"b": nil, "a": 1},
		`{"kept":{"a":"<"}}`: map[string]any{"kept": json.RawMessage(`{ "a" : "<" }`)},
		`null`:               nil,
	} {
		if got := string(Of(v)); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
	for _, v := range []any{math.NaN(), func() {}, json.RawMessage("{")} {
		if text, err := Encode(v); err == nil {
			t.Errorf("%T is written %s", v, text)
		}
	}
}

func TestOfPanicsOnWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a number that JSON does not have was written")
		}
	}()
	Of(math.Inf(1))
}
