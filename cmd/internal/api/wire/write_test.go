package wire

import (
	"encoding/json"
	"testing"
)

func TestExactNumbers(t *testing.T) {
	t.Parallel()
	for value, want := range map[any]string{
		USD(0): "0", USD(1): "0.000000001", USD(1_500_000_000): "1.5", USD(-20_000_000): "-0.02",
		USD(-1 << 63): "-9223372036.854775808",
		Share(5125):   "0.5125", Share(10_000): "1", Thousand(1): "0.001",
	} {
		got, err := json.Marshal(value)
		if err != nil || string(got) != want {
			t.Errorf("%v is written %s (%v), want %s", value, got, err, want)
		}
	}
}
