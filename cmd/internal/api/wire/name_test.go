package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestTwice(t *testing.T) {
	t.Parallel()
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf(`"n%d":%d`, i, i)
	}
	whole := "{" + strings.Join(many, ",") + "}"
	for text, want := range map[string]string{
		`{}`: "", `[]`: "", `"a"`: "", `{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}`: "", whole: "",
		`{"a":"a","b":"a"}`: "", `{"a":"\"a\":","b":["a","a"]}`: "", `{"a":1 , "a" : 2}`: "a", `{"a":1,"\u0061":2}`: "a",
		`{"x":[{"y":{"b":1,"c":"\\","b":2}}]}`: "b", strings.Replace(whole, "n39", "n0", 1): "n0",
		strings.Replace(whole, "n39", "n20", 1): "n20",
	} {
		if !json.Valid([]byte(text)) {
			t.Fatalf("the test's own text is not JSON: %s", text)
		}
		if got, found := twice([]byte(text)); got != want || found != (want != "") {
			t.Errorf("%s: %q, %v; want %q", text, got, found, want)
		}
	}
}

// FuzzTwice holds the scanner to any valid JSON without panic.
func FuzzTwice(f *testing.F) {
	f.Add([]byte(`{"a":["\\\"",{"b":{}}],"a":1}`))
	f.Fuzz(func(_ *testing.T, text []byte) {
		if json.Valid(text) {
			twice(text)
		}
	})
}

func TestDecodeKnowsNamesByCase(t *testing.T) {
	t.Parallel()
	type inner struct {
		Size int `json:"size"`
	}
	type outer struct {
		Name string          `json:"name"`
		List []inner         `json:"list"`
		One  *inner          `json:"one"`
		Raw  json.RawMessage `json:"raw"`
	}
	for body, param := range map[string]string{
		`{"name":"a","list":[{"size":1}],"one":{"size":1},"raw":{"Any":1}}`: "-",
		`{"Name":"a"}`: "Name", `{"list":[{},{"SIZE":1}]}`: "list[1].SIZE", `{"one":{"x":1}}`: "one.x", `null`: "", `[]`: "",
		`{"name":1}`: "name", `{"one":{"size":1.5}}`: "one.size",
	} {
		var into outer
		err := Decode([]byte(body), &into)
		var f *Fault
		switch {
		case param == "-" && err != nil:
			t.Errorf("%s: %v", body, err)
		case param != "-" && (!errors.As(err, &f) || f.Param != param):
			t.Errorf("%s: %v, want the parameter %q", body, err, param)
		}
	}
}
