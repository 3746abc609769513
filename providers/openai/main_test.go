package openai

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a vendor that answers every request by the handler, and returns
// a client for it.
func serve(t testing.TB, dialect Dialect, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	transport := &http.Transport{}
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	dialect.Base = server.URL + "/v1"
	if dialect.Provider == "" {
		dialect.Provider = "test"
	}
	return New(dialect, providers.Config{
		HTTP: &http.Client{Transport: transport},
		Now:  func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) },
	})
}

// body answers with a fixed body.
func body(status int, contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		w.Write([]byte(text))
	}
}

func hello() *providers.Request {
	return &providers.Request{
		Model: "m", Messages: []providers.Message{providers.TextMessage("user", "hello")},
	}
}

// gather collects what a stream hands over.
type gather struct {
	data  []string
	shows int
}

func (g *gather) sink(chunk providers.Chunk) error {
	g.data = append(g.data, string(chunk.Data))
	if chunk.Shows {
		g.shows++
	}
	return nil
}
