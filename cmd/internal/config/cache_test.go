package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSemantic asks for a model and a measured threshold together, or for neither.
func TestSemantic(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"{}": "", "{model: vectors, threshold: 0.93}": "", "{model: vectors}": "calibrate", "{threshold: 0.93}": "name the model",
		"{model: vectors, threshold: 1.1}": "0.5 to 1", "{model: vectors, threshold: .nan}": "0.5 to 1",
	} {
		path := filepath.Join(t.TempDir(), "dreamlab.yaml")
		if err := os.WriteFile(path, []byte("cache: {semantic: "+text+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(Options{File: path, Lookup: func(string) (string, bool) { return "", false }})
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
