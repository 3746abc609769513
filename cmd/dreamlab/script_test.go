package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// checked are the tests, after which nothing may go on running.
type checked struct{ *testing.M }

// Run runs the tests.
func (c checked) Run() int {
	code := c.M.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScripts runs the sessions in testdata/script, each against an embedded stack of its own that it
// finds by DREAMLAB_DATA. `capture NAME PATTERN` sets a variable to what a group of the pattern
// matched in the output before. A session has to hold whichever conversations are held out, which is drawn.
func TestScripts(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("there are no sessions: %v", err)
	}
	sample, err := filepath.Abs("sample/conversations.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		t.Run(filepath.Base(script), func(t *testing.T) {
			t.Parallel()
			data := running(t)["DREAMLAB_DATA"]
			testscript.Run(t, testscript.Params{
				Files: []string{script},
				Setup: func(env *testscript.Env) error {
					env.Setenv("DREAMLAB_DATA", data)
					env.Setenv("SAMPLE", sample)
					env.Setenv("HOME", env.WorkDir)
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){"capture": capture},
			})
		})
	}
}

func capture(script *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		script.Fatalf("usage: capture NAME PATTERN")
	}
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(script.ReadFile("stdout"))
	if len(found) != 2 {
		script.Fatalf("no match of %s", args[1])
	}
	script.Setenv(args[0], found[1])
}
