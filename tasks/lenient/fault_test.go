package lenient_test

import (
	"encoding/json"
	"testing"

	"dreamlab/tasks/lenient"
)

// TestFault names the field, the fault and its place.
func TestFault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		``:                         {"", "not JSON: it ends too early"},
		"{\"n\": 1\n":              {"", "not JSON: it ends too early"},
		"{\"n\": 1,\n  x}":         {"", "not JSON: invalid character 'x' looking for beginning of object key string at line 2, column 3"},
		`[1]`:                      {"", "an array: it has to be an object"},
		`{"n": "one"}`:             {"n", "a string: it has to be a whole number"},
		`{"deep": {"flag": 1}}`:    {"deep.flag", "a number: it has to be true or false"},
		`{"n": 1.5, "deep": null}`: {"n", "a number: it has to be a whole number"},
	} {
		var into struct {
			N    int `json:"n"`
			Deep struct {
				Flag bool `json:"flag"`
			} `json:"deep"`
		}
		err := json.Unmarshal([]byte(text), &into)
		if field, fault := lenient.Fault([]byte(text), err); field != want[0] || fault != want[1] {
			t.Errorf("%s: %q is %s, want %q is %s", text, field, fault, want[0], want[1])
		}
	}
}
