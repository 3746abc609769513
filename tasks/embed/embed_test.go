package embed_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"dreamlab/tasks"
	"dreamlab/tasks/embed"
)

func TestRequestsForVectors(t *testing.T) {
	t.Parallel()
	in, err := embed.Parse([]byte(`{"model":"p/e","input":["a","b"],"encoding_format":"base64","dimensions":8,"user":null}`))
	if err != nil || in.Model != "p/e" || !slices.Equal(in.Inputs, []string{"a", "b"}) || in.Format != embed.Base64 || in.Dimensions != 8 {
		t.Errorf("%+v, %v", in, err)
	}
	if in, err = embed.Parse([]byte(`{"model":"p/e","input":"one"}`)); err != nil || !slices.Equal(in.Inputs, []string{"one"}) {
		t.Errorf("%+v, %v", in, err)
	}
	many := `["x"` + strings.Repeat(`,"x"`, 2048) + `]`
	for body, want := range map[string]string{
		`[]`: " invalid_request", `null`: " invalid_request", "{\"model\":\"\xff\"}": " invalid_request",
		`{"input":"a"}`:           "model invalid_request",
		`{"model":7,"input":"a"}`: "model invalid_request",
		`{"model":"` + strings.Repeat("m", 257) + `","input":"a"}`: "model invalid_request",
		`{"model":"m"}`:                                     "input invalid_request",
		`{"model":"m","input":[]}`:                          "input invalid_request",
		`{"model":"m","input":{}}`:                          "input invalid_request",
		`{"model":"m","input":["a",7]}`:                     "input invalid_request",
		`{"model":"m","input":["a",""]}`:                    "input[1] invalid_request",
		`{"model":"m","input":` + many + `}`:                "input invalid_request",
		`{"model":"m","input":[1,2]}`:                       "input unsupported_parameter",
		`{"model":"m","input":[[1],[2]]}`:                   "input unsupported_parameter",
		`{"model":"m","input":"a","encoding_format":"hex"}`: "encoding_format invalid_request",
		`{"model":"m","input":"a","dimensions":-1}`:         "dimensions invalid_request",
		`{"model":"m","input":"a","dimensions":1.5}`:        "dimensions invalid_request",
		`{"model":"m","input":"a","dimension":8}`:           "dimension invalid_request",
	} {
		_, err := embed.Parse([]byte(body))
		var fault *tasks.InputError
		if !errors.As(err, &fault) || fault.Param+" "+fault.Code != want || fault.Message == "" {
			t.Errorf("%.60s: got %#v, want %s", body, err, want)
		}
	}
}
