package show

import (
	"bytes"
	"io"
	"testing"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		pieces []string
		want   string
	}{
		"text":        {[]string{"a\tb\n", "Zoë 日本語 🙂"}, "a\tb\nZoë 日本語 🙂"},
		"escape":      {[]string{"\x1b]0;owned\x07\x1b[2J"}, `\u001b]0;owned\u0007\u001b[2J`},
		"C1":          {[]string{"\u009b2J\x7f"}, `\u009b2J\u007f`},
		"raw C1":      {[]string{"a\x9bb"}, "a\uFFFDb"},
		"over a line": {[]string{"good\rbad\r\n"}, "goodbad\n"},
		"direction":   {[]string{"a\u202eb\u2066c"}, `a\u202eb\u2066c`},
		"split":       {[]string{"\xe6\x97", "\xa5", "\xc2", "\x9b"}, `日\u009b`},
	}
	for name, tc := range cases {
		var out bytes.Buffer
		w := Plain(&out)
		for _, piece := range tc.pieces {
			if n, err := io.WriteString(w, piece); err != nil || n != len(piece) {
				t.Errorf("%s: %d, %v", name, n, err)
			}
		}
		if out.String() != tc.want {
			t.Errorf("%s: %q, want %q", name, out.String(), tc.want)
		}
	}
}
