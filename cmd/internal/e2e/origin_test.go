package e2e

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// TestOrigins serves the static site from two addresses of its own, of which the API lists one, and
// chats from both in a browser.
func TestOrigins(t *testing.T) {
	t.Parallel()
	program, dir := browser(t), node(t)
	files := t.TempDir()
	serve := func() string {
		server := httptest.NewServer(http.FileServer(http.Dir(files)))
		t.Cleanup(server.Close)
		return server.URL
	}
	listed, other := serve(), serve()
	s := newSite(t, "DREAMLAB_ADDR=127.0.0.1:0", "DREAMLAB_LOG=warn", "DREAMLAB_CORS="+listed)
	vendors := s.start(t, "dreamlab", "sandbox", "--addr", "127.0.0.1:0").await(t, `sandbox at (\S+):`)
	s.env = append(s.env, vendorsAt(vendors)...)
	up := s.start(t, "dreamlab", "up")
	s.run(t, "dreamlab", "site", "--out", files)
	s.env = append(s.env, "DREAMLAB_URL="+up.await(t, `answers at (\S+)/v1`), "DREAMLAB_KEY="+up.await(t, `first key: (dl-\S+)`),
		"SANDBOX_URL="+vendors, "PAGES_CHROMIUM="+program, "ORIGIN_LISTED="+listed, "ORIGIN_OTHER="+other)
	out := s.run(t, "node", filepath.Join(dir, "origins.mjs"))
	for _, walk := range []string{"listed", "streamed", "error", "other"} {
		if !strings.Contains(out, "walked: "+walk) {
			t.Errorf("it did not come to %q:\n%s", walk, out)
		}
	}
}
