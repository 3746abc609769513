package dream

import (
	"strings"
	"testing"

	"dreamlab/store"
)

func TestMoneyMovesToWhatPays(t *testing.T) {
	t.Parallel()
	imagined := func(nano, points int64, tunes int) store.Return {
		return store.Return{Source: "imagined", Nano: nano, Points: points, Tunes: tunes}
	}
	lead := func(nano, points int64, tunes int) store.Return {
		return store.Return{Source: "lead", Nano: nano, Points: points, Tunes: tunes}
	}
	free := store.Return{Source: "user", Nano: 1, Points: 10_000, Tunes: 9}
	for name, c := range map[string]struct {
		all   []store.Return
		times float64
		why   string
		of64  int // variants of 64 weak conversations
	}{
		"nothing known":     {nil, 1, "as many as always: 0 examined", 16},
		"too few exams":     {[]store.Return{imagined(100, 500, 2), lead(100, 100, 9)}, 1, "as many as always: 2 examined", 16},
		"no points":         {[]store.Return{imagined(100, 0, 3), lead(100, 0, 3)}, 1, "as many as always: no source", 16},
		"equal":             {[]store.Return{imagined(100, 100, 3), lead(100, 100, 3), free}, 1, "1.00 times", 16},
		"half as dear":      {[]store.Return{imagined(100, 150, 3), lead(100, 100, 3)}, 1.5, "1.50 times as many as always: imagined rows brought 1.50 points", 24},
		"at most twice":     {[]store.Return{imagined(100, 900, 3), lead(100, 100, 3)}, 2, "2.00 times", 32},
		"at least half":     {[]store.Return{imagined(900, 1, 3), lead(100, 100, 3)}, 0.5, "0.50 times", 8},
		"others bring none": {[]store.Return{imagined(100, 1, 3), lead(100, 0, 3)}, 2, "2.00 times", 32},
	} {
		m := moveOf(c.all)
		if m.Times != c.times || !strings.HasPrefix(m.Why, c.why) || m.variants(64) != c.of64 || m.variants(1) != 1 {
			t.Errorf("%s: %+v, %d variants of 64, %d of 1", name, m, m.variants(64), m.variants(1))
		}
	}
}
