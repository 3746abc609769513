package e2e

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dreamlab/store/storetest"
)

// browser returns Chromium's path, or ends the test.
func browser(t *testing.T) string {
	t.Helper()
	var missing error
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		path, err := exec.LookPath(name)
		if err == nil {
			return path
		}
		missing = errors.Join(missing, err)
	}
	storetest.Require(t, "chromium", missing)
	return ""
}

// walk bounds the walk through all pages. The documentation on one page alone takes the rules of axe-core a minute and a half.
const walk = 15 * time.Minute

// TestPages walks through all pages in a browser, over a loop that has run once.
// DREAMLAB_PICTURES names a folder for pictures of them.
func TestPages(t *testing.T) {
	t.Parallel()
	program, dir := browser(t), node(t)
	st := embedded(t)
	link := st.up.await(t, `pages: (\S+) \(this link`)
	pictures := os.Getenv("DREAMLAB_PICTURES")
	if pictures != "" {
		if err := os.MkdirAll(pictures, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sample, err := filepath.Abs(filepath.Join(root, "cmd/dreamlab/sample/conversations.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range [][]string{{"chat", "Who repairs my tyre?"}, {"import", sample, "--wait"}, {"dream", "--wait"}, {"tune", "--wait"}} {
		st.site.run(t, append([]string{"dreamlab"}, verb...)...)
	}
	files := t.TempDir()
	st.site.run(t, "dreamlab", "site", "--out", files)
	rival := strings.TrimSpace(st.site.run(t, "dreamlab", "key", "create", "--tenant", "rival", "--scope", "admin"))
	st.site.env = append(st.site.env, "PAGES_RIVAL="+rival, "PAGES_LINK="+link, "PAGES_SITE="+files, "PAGES_CHROMIUM="+program, "PAGES_PICTURES="+pictures)
	out := st.site.runWithin(t, walk, "node", filepath.Join(dir, "pages.mjs"))
	for _, part := range []string{"sessions", "chats", "keyboard", "reviews", "reads", "plots", "strangers", "follows", "links", "site", "tail", "plain", "last"} {
		if !strings.Contains(out, "walked: "+part) {
			t.Errorf("it did not come to %q:\n%s", part, out)
		}
	}
}

// The vendored files are what the packages have, in the order in which they have to run.
func TestVendoredFiles(t *testing.T) {
	t.Parallel()
	packages := filepath.Join(node(t), "node_modules")
	for name, parts := range map[string][]string{
		"htmx.js":   {"htmx.org/dist/htmx.min.js", "htmx.org/dist/ext/hx-sse.min.js"},
		"uplot.js":  {"uplot/dist/uPlot.iife.min.js"},
		"uplot.css": {"uplot/dist/uPlot.min.css"},
	} {
		var want []byte
		for i, part := range parts {
			text, err := os.ReadFile(filepath.Join(packages, part))
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				want = append(want, '\n')
			}
			want = append(want, text...)
		}
		if got := unpacked(t, "../web/asset/static/"+name+".gz"); !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes and differs from the %d of the package", name, len(got), len(want))
		}
	}
}

// unpacked returns what is in a compressed file.
func unpacked(t *testing.T, path string) []byte {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	from, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
