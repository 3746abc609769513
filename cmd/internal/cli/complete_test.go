package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	root, err := New("tool", "A tool.", &tool{})
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"":                            "key models",
		"k":                           "key",
		"key ":                        "create list",
		"key create --d":              "--dry-run",
		"key create --scope ":         "use admin",
		"key create --scope=a":        "--scope=admin",
		"key create --limit 3 --l":    "--limit --log",
		"key create --dry-run --ten":  "--tenant",
		"key --scope use c":           "create",
		"key create x":                "",
		"models --":                   "--log --json",
		"models refresh --j":          "--json",
		"key create --log warn --sco": "--scope",
	} {
		var words []string
		for _, found := range root.Complete(strings.Split(line, " ")) {
			words = append(words, found.Word)
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("%q completes to %q, want %q", line, got, want)
		}
	}
}

// TestScripts has bash run its script, with a program that answers as ours does.
func TestScripts(t *testing.T) {
	t.Parallel()
	for _, shell := range Shells() {
		script, err := Script(shell, "tool", "__complete")
		if err != nil || !strings.Contains(script, "tool __complete --") || strings.Contains(script, "PROGRAM") {
			t.Errorf("%s: %v %s", shell, err, script)
		}
	}
	if _, err := Script("tcsh", "tool", "__complete"); err == nil || !strings.Contains(err.Error(), "bash, zsh, fish") {
		t.Errorf("of an unknown shell: %v", err)
	}
	dir := t.TempDir()
	const program = "#!/bin/sh\n[ \"$4\" = --ou ] && printf '%s\\t%s\\n' --out 'a file' --output 'a form'\n"
	if err := os.WriteFile(filepath.Join(dir, "tool"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	script, _ := Script("bash", "tool", "__complete")
	const asked = "\nCOMP_WORDS=(tool list --ou) COMP_CWORD=2\n_tool\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
	run := exec.CommandContext(t.Context(), "bash", "-euc", script+asked)
	run.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := run.CombinedOutput()
	if err != nil || string(out) != "--out\n--output\n" {
		t.Errorf("bash: %v %s", err, out)
	}
}

func TestManual(t *testing.T) {
	t.Parallel()
	root, err := New("tool", "A 'tool'.", &tool{})
	if err != nil {
		t.Fatal(err)
	}
	page := root.Manual()
	for _, part := range []string{
		".TH TOOL 1\n", `tool \- A \(aqtool\(aq.`, ".SS tool key create [flags] NAME [REST…]\nmake one\n",
		`\fB\-n, \-\-limit\fR \fINUMBER\fR` + "\nhow many (without it: 20)\n",
	} {
		if !strings.Contains(page, part) {
			t.Errorf("the manual page has no %q:\n%s", part, page)
		}
	}
}
