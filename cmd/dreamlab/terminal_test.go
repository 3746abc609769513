package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPlainWriter(t *testing.T) {
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
		w := &plainWriter{to: &out}
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

// What a model or a server says does not steer the terminal, on either stream.
func TestNothingSteersTheTerminal(t *testing.T) {
	t.Parallel()
	const nasty = `\u001b]0;x\u0007\u009b2J`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ask struct{ Messages []struct{ Content string } }
		err := json.NewDecoder(r.Body).Decode(&ask)
		switch {
		case err != nil:
			t.Error(err)
		case ask.Messages[0].Content == "fail":
			w.Header().Set("X-Request-Id", "r\u009b")
			w.WriteHeader(http.StatusBadGateway)
			_, err = io.WriteString(w, `{"error":{"message":"`+nasty+`","code":"`+nasty+`"}}`)
		default:
			_, err = io.WriteString(w, `data: {"choices":[{"delta":{"content":"`+nasty+`"},"finish_reason":"stop"}],`+
				`"dreamlab":{"provider":"`+nasty+`","model":"m","cost_usd":0}}`+"\n\ndata: [DONE]\n\n")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	env := map[string]string{"DREAMLAB_URL": server.URL, "DREAMLAB_KEY": "dl-x"}
	for _, ask := range []string{"fail", "hello"} {
		got := invoke(t, env, "chat", ask)
		if all := got.out + got.errs; strings.ContainsAny(all, "\x1b\x07\u009b") || !strings.Contains(all, nasty) {
			t.Errorf("%s: %q", ask, all)
		}
	}
}
