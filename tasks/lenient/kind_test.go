package lenient_test

import (
	"testing"

	"dreamlab/tasks/lenient"
)

func TestKind(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"struct": "an object", "map": "an object", "object": "an object", "slice": "an array", "array": "an array",
		"bool": "true or false", "int": "a whole number", "int64": "a whole number", "uint8": "a whole number",
		"float64": "a number", "number": "a number", "number 1.5": "a number", "string": "a string",
	} {
		if got := lenient.Kind(kind); got != want {
			t.Errorf("%s is %q, want %q", kind, got, want)
		}
	}
}
