package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlanted reads the operator's questions, and names the line that is none without showing it.
func TestPlanted(t *testing.T) {
	t.Parallel()
	const good = `{"prompt":"Which words open the vault?","secret":"tirova benuda samolo"}` + "\n"
	for name, c := range map[string]struct{ text, fault string }{
		"good":            {good + "\n" + good, ""},
		"nothing":         {"\n", "the file has 0 questions"},
		"many":            {strings.Repeat(good, 101), "the file has 101 questions"},
		"no JSON":         {good + "tirova benuda", "line 2: write it as"},
		"unknown":         {`{"prompt":"a","secret":"tirova benuda samolo","model":"x"}`, "line 1: write it as"},
		"two on a line":   {strings.TrimSpace(good) + good, "line 1: write it as"},
		"no prompt":       {`{"prompt":"?","secret":"tirova benuda samolo"}`, "the prompt is empty"},
		"guessed":         {`{"prompt":"Which number?","secret":"12345 -- 67890"}`, "short enough to be guessed"},
		"told beforehand": {`{"prompt":"Is it Tirova Benuda?","secret":"tirova benuda"}`, "the prompt tells the secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "planted.jsonl")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			loaded, err := load(t, "tune: {planted: "+file+"}")
			switch {
			case c.fault == "" && (err != nil || len(loaded.Tune.PlantedQuestions) != 2):
				t.Errorf("%v", err)
			case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
				t.Errorf("no fault says %q: %v", c.fault, err)
			case err != nil && strings.Contains(err.Error(), "benuda"):
				t.Errorf("the fault shows the line: %v", err)
			}
		})
	}
	if _, err := load(t, "tune: {planted: /nowhere/planted.jsonl}"); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("a file that is not there: %v", err)
	}
}
