package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

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
