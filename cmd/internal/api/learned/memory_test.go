package learned

import "testing"

func TestPrefersMarkdown(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "text/markdown": true, "text/plain, */*": true,
		"text/markdown;q=0.5, application/json;q=0.9": false, "application/json;q=0.1, text/markdown;q=0.2": true,
		"text/html, application/xhtml+xml, */*;q=0.8": false, "text/*; charset=utf-8": true, ";;, text/markdown": true,
	} {
		if got := prefersMarkdown(accept); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
}
