package wire

import (
	"encoding/json"
	"testing"
)

func TestExactNumbers(t *testing.T) {
	t.Parallel()
	for value, want := range map[any]string{
		Share(0): "0", Share(-200): "-0.02", Thousand(-1 << 63): "-9223372036854775.808",
		Share(5125): "0.5125", Share(10_000): "1", Thousand(1): "0.001",
	} {
		got, err := json.Marshal(value)
		if err != nil || string(got) != want {
			t.Errorf("%v is written %s (%v), want %s", value, got, err, want)
		}
	}
}
