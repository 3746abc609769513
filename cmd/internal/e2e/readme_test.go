package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dreamlab/store/storetest"
)

// block is one piece of code in README.md.
type block struct{ language, text string }

var fenced = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")

func readme(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, found := range fenced.FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, block{found[1], found[2]})
	}
	if len(blocks) < 5 {
		t.Fatalf("only %d blocks of code were found", len(blocks))
	}
	return blocks
}

// commands returns the lines of a shell block, those that go on joined.
func (b block) commands() []string {
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(b.text, "\\\n", " ")), "\n")
}

// elsewhere are the commands that are tried by other means: the tests can not
// run themselves, and the program is built before they begin.
var elsewhere = map[string]bool{
	"go test ./...": true, "go build -o dreamlab ./cmd/dreamlab": true,
	"sh cmd/deploy/build dreamlab": true, // in CI
}

// TestReadme runs every command of README.md as a reader would, but for the
// address and the folder.
func TestReadme(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		storetest.Require(t, "curl", err)
	}
	st := embedded(t)
	alone := production(t)
	if err := os.Symlink(binary, filepath.Join(st.site.dir, "dreamlab")); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, b := range readme(t) {
		if b.language != "sh" {
			continue
		}
		for _, command := range b.commands() {
			tried++
			tryCommand(t, st, alone, command)
		}
	}
	if tried < 12 {
		t.Errorf("only %d commands were found", tried)
	}
}

func tryCommand(t *testing.T, st, alone *stack, command string) {
	t.Helper()
	verb, is := strings.CutPrefix(command, "dreamlab ")
	switch {
	case elsewhere[command], command == "./dreamlab up", strings.HasPrefix(command, "export "):
		// `up` runs already, and production has its addresses.
	case is && verb == "api":
		alone.site.start(t, "dreamlab", verb, "--addr", "127.0.0.1:0").await(t, `answers at`)
	case is && (verb == "worker" || verb == "scheduler"):
		alone.site.start(t, "dreamlab", verb).await(t, `started`)
	case is:
		alone.site.run(t, "sh", "-euc", command)
	default:
		command = strings.ReplaceAll(command, "go run ./cmd/dreamlab", "dreamlab")
		command = strings.ReplaceAll(command, "http://127.0.0.1:8080", st.url)
		command = strings.ReplaceAll(command, "cmd/dreamlab/sample/conversations.jsonl", sample(t))
		if out := st.site.run(t, "sh", "-euc", command); strings.Contains(out, `"error":{`) {
			t.Errorf("%s:\n%s", command, out)
		}
	}
}

func TestReadmeClient(t *testing.T) {
	t.Parallel()
	dir := node(t)
	st := embedded(t)
	for _, b := range readme(t) {
		if b.language != "js" {
			continue
		}
		script := filepath.Join(dir, "readme.js")
		text := strings.ReplaceAll(b.text, "http://127.0.0.1:8080", st.url)
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := st.site.run(t, "node", script); strings.TrimSpace(out) == "" {
			t.Error("the client in README.md printed nothing")
		}
	}
}

// TestReadmeSettings has `doctor` read the settings that README.md shows.
func TestReadmeSettings(t *testing.T) {
	t.Parallel()
	for _, b := range readme(t) {
		if b.language != "yaml" {
			continue
		}
		s := newSite(t, "GROQ_API_KEY=x", "TOGETHER_API_KEY=x", "GROQ_KEY_2=x", "KEY_A=x", "KEY_B=x")
		if err := os.WriteFile(filepath.Join(s.dir, "dreamlab.yaml"), []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		// It only has to be read: the key verb refuses for want of a schema.
		out, err := s.command(t.Context(), []string{"dreamlab", "key", "list"}).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "dreamlab migrate") {
			t.Errorf("%v: %s", err, out)
		}
	}
}

func TestComposeFitsTheProgram(t *testing.T) {
	t.Parallel()
	services := composed(t)
	for name, s := range services {
		for needed := range s.DependsOn {
			if _, is := services[needed]; !is {
				t.Errorf("%s needs %s, which is not there", name, needed)
			}
		}
		if s.Image != "dreamlab" {
			continue
		}
		// An address that nobody may use: all flags are read before it is tried.
		help := append(append([]string{binary}, s.Command...), "-h")
		out, err := newSite(t).command(t.Context(), help).Output()
		if err != nil || !strings.HasPrefix(string(out), "usage: dreamlab "+s.Command[0]) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		for _, variable := range []string{"DATABASE_URL", "REDIS_URL", "BUCKET_URL", "GROQ_API_KEY"} {
			if s.Environment[variable] == "" {
				t.Errorf("%s: %s is not set", name, variable)
			}
		}
	}
}

func TestProcfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "Procfile"))
	if err != nil {
		t.Fatal(err)
	}
	var processes map[string]string
	if err := yaml.Unmarshal(text, &processes); err != nil {
		t.Fatal(err)
	}
	for name, command := range processes {
		out, err := newSite(t).command(t.Context(), []string{"sh", "-euc", command + " -h"}).Output()
		if err != nil || !strings.HasPrefix(string(out), "usage: dreamlab ") {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
	if len(processes) != 4 {
		t.Errorf("processes: %v", processes)
	}
}
