package gate

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/api/wire"
)

// A handler that panics is answered for.
func TestPanic(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	boom := New(Options{Log: zerolog.New(&log)}).Endpoint(Rule{Name: "GET /"}, func(http.ResponseWriter, *wire.Call) error {
		panic("boom")
	})
	front := httptest.NewServer(boom)
	t.Cleanup(front.Close)
	res, err := http.Get(front.URL)
	must(t, err)
	body, err := io.ReadAll(res.Body)
	must(t, errors.Join(err, res.Body.Close()))
	front.Close()
	if res.StatusCode != 500 || bytes.Contains(body, []byte("boom")) || strings.Contains(log.String(), `"boom"`) ||
		!strings.Contains(log.String(), "panic: string") {
		t.Errorf("status %d: %s", res.StatusCode, body)
	}
}
