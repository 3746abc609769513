package near

import "testing"

func TestShinglesOfLittle(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "one", "one two"} {
		if s := Of(text); len(s) != 1 || s.likeness(s) != 1 {
			t.Errorf("%q has the shingles %v", text, s)
		}
	}
}
