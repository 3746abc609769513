package config

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEncryptionKeys takes keys from the environment and from files of their owner's, in their
// order, and refuses all else without showing a key.
func TestEncryptionKeys(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	dir := t.TempDir()
	own, open := filepath.Join(dir, "own"), filepath.Join(dir, "open")
	for path, mode := range map[string]os.FileMode{own: 0o600, open: 0o644} {
		if err := os.WriteFile(path, []byte(secret+"\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"KEY_A": secret, "SHORT": "c2hvcnQ=", "PLAIN": "no base64 at all!"}
	load := func(keys string) (*Config, error) {
		path := filepath.Join(t.TempDir(), "dreamlab.yaml")
		if err := os.WriteFile(path, []byte("encryption: {keys: ["+keys+"]}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(Options{File: path, Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	}
	c, err := load("{id: new, file: " + own + "}, {id: old_1, key_env: KEY_A}")
	if err != nil {
		t.Fatal(err)
	}
	if keys := c.Encryption.Keys; len(keys) != 2 || keys[0].ID != "new" || string(keys[1].Secret) != "0123456789abcdef0123456789abcdef" {
		t.Errorf("the keys are %+v", keys)
	}
	for keys, says := range map[string]string{
		"{id: a, file: " + open + "}":                         "chmod 600",
		"{id: a, file: " + filepath.Join(dir, "none") + "}":   "no such file",
		"{id: a, key_env: UNSET}":                             "UNSET, which is not set",
		"{id: a, key_env: SHORT}":                             "32 bytes in base64",
		"{id: a, key_env: PLAIN}":                             "32 bytes in base64",
		"{id: a}":                                             "give key_env or file",
		"{id: a, key_env: KEY_A, file: " + own + "}":          "give key_env or file",
		"{id: 'a b', key_env: KEY_A}":                         "letters",
		"{id: aaaaaaaaaaaaaaaaa, key_env: KEY_A}":             "1 to 16",
		"{id: a, key_env: KEY_A}, {id: a, file: " + own + "}": "listed twice",
	} {
		_, err := load(keys)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", keys, err, says)
			continue
		}
		for _, value := range env {
			if strings.Contains(err.Error(), value) {
				t.Errorf("%s: the error shows a key", keys)
			}
		}
	}
}
