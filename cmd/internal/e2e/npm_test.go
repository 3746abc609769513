package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dreamlab/store/storetest"
)

// clients installs the official clients once, in a folder of their own. They are
// needed by one test alone, so that a machine without Node has lost nothing.
var clients = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp(filepath.Dir(binary), "npm-")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, os.DirFS("npm")); err != nil {
		return "", err
	}
	install := exec.Command("npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	return dir, install.Run()
})

// node returns the folder with the clients, or ends the test.
func node(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		storetest.Require(t, "node", err)
	}
	dir, err := clients()
	if err != nil {
		storetest.Require(t, "node", err)
	}
	return dir
}

func TestOfficialClients(t *testing.T) {
	t.Parallel()
	dir := node(t)
	each(t, func(t *testing.T, st *stack) {
		out := st.site.run(t, "node", filepath.Join(dir, "check.js"))
		out += st.site.run(t, "node", filepath.Join(dir, "forms.js"))
		for _, done := range []string{"langchain: ", "openai: chat and stream", "together: ", "groq: ", "errors, files"} {
			if !strings.Contains(out, done) {
				t.Errorf("it did not come to %q:\n%s", done, out)
			}
		}
	})
}

// The official clients of vendors accept their emulators, each by a script of its own.
func TestClientsOfVendors(t *testing.T) {
	t.Parallel()
	dir := node(t)
	scripts, err := filepath.Glob(filepath.Join(dir, "*.js"))
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".js")
		if name == "check" || name == "forms" || name == "readme" { // these ask Dream Lab
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t) // with a clock of its own, which the script may move
			url := s.start(t, "dreamlab", "sandbox", "--addr", "127.0.0.1:0").await(t, `sandbox at (\S+):`)
			s.env = append(s.env, "SANDBOX_URL="+url)
			if out := s.run(t, "node", script); !strings.Contains(out, "accepted") {
				t.Errorf("it did not come to its end:\n%s", out)
			}
		})
	}
}
