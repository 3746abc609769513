package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../../.."

// TestMutationsFit holds the table against the source: each change can be made, and
// the tests that are to notice it are there.
func TestMutationsFit(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, m := range mutations() {
		text, err := os.ReadFile(filepath.Join(root, m.file))
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if changed, err := m.apply(string(text)); err != nil || changed == string(text) {
			t.Errorf("%s: it changes nothing, %v", m.name, err)
		}
		if names[m.name] {
			t.Errorf("%s: there are two", m.name)
		}
		names[m.name] = true
		if m.seed == 0 {
			m.needsTests(t)
		}
	}
}

// needsTests looks for functions of the names that are run.
func (m mutation) needsTests(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, m.test[2], "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for name := range strings.SplitSeq(strings.Trim(m.test[1], "^$()"), "|") {
		if !regexp.MustCompile(`(?m)^func ` + name + `\(`).MatchString(all.String()) {
			t.Errorf("%s: %s has no %s", m.name, m.test[2], name)
		}
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	m := mutation{file: "a.go", old: "x", new: "y"}
	if got, err := m.apply("axb"); got != "ayb" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, text := range []string{"ab", "axbx"} {
		if _, err := m.apply(text); err == nil {
			t.Errorf("it fits %q", text)
		}
	}
}

// TestSurvivor makes three mutations of a small module: one is caught, one is not,
// one can not be compiled.
func TestSurvivor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module small\n\ngo 1.24\n",
		"a.go":   "package small\n\nfunc one() int { return 1 }\n\nfunc two() int { return 2 }\n",
		"a_test.go": "package small\n\nimport \"testing\"\n\n" +
			"func TestOne(t *testing.T) {\n\tif one() != 1 {\n\t\tt.Fail()\n\t}\n\t_ = two()\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	small, err := copyTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = small.remove() })
	caught := mutation{file: "a.go", old: "return 1", new: "return 3", test: tests(".", "TestOne")}
	lives := mutation{file: "a.go", old: "return 2", new: "return 3", test: tests(".", "TestOne")}
	broken := mutation{file: "a.go", old: "return 2", new: "return x", test: tests(".", "TestOne")}
	if err := small.healthy(t.Context(), []mutation{caught, lives}); err != nil {
		t.Fatal(err)
	}
	if by, err := small.try(t.Context(), caught); by != "TestOne" || err != nil {
		t.Errorf("caught by %q, %v", by, err)
	}
	if by, err := small.try(t.Context(), lives); by != "" || err != nil {
		t.Errorf("caught by %q, %v", by, err)
	}
	if _, err := small.try(t.Context(), broken); err == nil {
		t.Error("what can not be compiled is no mutation")
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	out := "--- FAIL: TestA (0.1s)\n    --- FAIL: TestA/x\n--- FAIL: TestB (1s)\nI4 money broken by job_1: x\n" +
		"I4 money broken by job_2: y\nchaos: 6m0s after the last fault there is still a job\n"
	if got := failures(out); got != "TestA, TestB, I4 money, there is still" {
		t.Errorf("%q", got)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	o := options{only: regexp.MustCompile("experience")}
	if n := len(o.choose(mutations())); n != 0 {
		t.Errorf("%d are for chaos and were chosen without it", n)
	}
	o.chaos, o.list = true, true
	if n := len(o.choose(mutations())); n != 1 {
		t.Errorf("%d were chosen", n)
	}
	if err := run(t.Context(), o, io.Discard); err != nil {
		t.Error(err)
	}
}
