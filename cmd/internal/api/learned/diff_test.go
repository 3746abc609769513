package learned

import (
	"strings"
	"testing"
)

func TestCompareWords(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ from, to, want string }{
		"equal":   {"be kind", "be kind", "=be kind"},
		"nothing": {"", "", ""},
		"new":     {"", "be kind", "+be kind"},
		"gone":    {"be kind", "", "-be kind"},
		"changed": {"answer in two short sentences", "answer in one sentence", "=answer in -two short sentences +one sentence"},
		"moved":   {"a b c d", "b c x d", "-a =b c +x =d"},
	} {
		var got []string
		for _, w := range compareWords(test.from, test.to) {
			got = append(got, map[string]string{"same": "=", "added": "+", "removed": "-"}[w.Op]+w.Text)
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("%s: %q, want %q", name, text, test.want)
		}
	}
	long := strings.Repeat("word ", maxCompared+1)
	if got := compareWords(long, "x"); len(got) != 2 {
		t.Errorf("a long text has %d runs", len(got))
	}
}
