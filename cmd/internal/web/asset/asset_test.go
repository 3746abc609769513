package asset

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dreamlab/cmd/internal/web/held"
)

// A file is kept for good at the address that names its content, and at no other.
func TestFiles(t *testing.T) {
	t.Parallel()
	files, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{hash}/{name}", files)
	for path, want := range map[string]string{files.Path("app.css"): "immutable", "old/app.css": "no-cache"} {
		for _, encoding := range []string{"", "gzip"} {
			got := held.New()
			ask := httptest.NewRequest(http.MethodGet, "/"+path, nil)
			ask.Header.Set("Accept-Encoding", encoding)
			mux.ServeHTTP(got, ask)
			if got.Status != 200 || !strings.Contains(got.Header().Get("Cache-Control"), want) ||
				got.Header().Get("Content-Encoding") != encoding || len(got.Bytes()) == 0 {
				t.Errorf("%s in %q: %d, %v", path, encoding, got.Status, got.Header())
			}
		}
	}
	got := httptest.NewRecorder()
	if mux.ServeHTTP(got, httptest.NewRequest(http.MethodGet, "/x/passwd", nil)); got.Code != 404 {
		t.Errorf("what is not there: %d", got.Code)
	}
}
