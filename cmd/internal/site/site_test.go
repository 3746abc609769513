package site

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dreamlab/cmd/internal/cli"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
)

func build(t *testing.T) []Page {
	t.Helper()
	openAPI, err := os.ReadFile("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	root, err := cli.New("dreamlab", "A program.", &struct {
		Run struct {
			Hard bool `help:"with <force>"`
		} `cmd:"" help:"run it"`
	}{})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := Pages(Source{
		OpenAPI: openAPI, Verbs: root,
		Vendors: []providers.Vendor{{Name: "groq", Settings: []providers.Setting{{Env: "GROQ_API_KEY", Secret: true, Required: true}}}},
		Models:  []catalog.Model{{Provider: "groq", ID: "m", Context: 8192, Caps: []string{"tools"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// TestSite reads every file: each link leads to a page and a heading that are there, nothing comes
// from elsewhere, and no script runs.
func TestSite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "public")
	pages := append(build(t), Chat())
	if err := Write(dir, pages); err != nil {
		t.Fatal(err)
	}
	anchors, links := map[string]bool{"site.css": true, "chat.js": true}, map[string]string{}
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join(dir, page.Name))
		if err != nil {
			t.Fatal(err)
		}
		if anchors[page.Name] {
			t.Errorf("two pages are named %s", page.Name)
		}
		anchors[page.Name] = true
		scan(t, page.Name, text, anchors, links)
	}
	for link, from := range links {
		if !anchors[link] && !strings.HasPrefix(link, "https://") {
			t.Errorf("%s links %s, which is not there", from, link)
		}
	}
	if pages[0].Name != "index.html" || !anchors["routes.html#get-v1-jobs"] || !anchors["vendor-groq.html"] {
		t.Errorf("the pages are %v", anchors)
	}
}

var (
	attribute = regexp.MustCompile(` (id|href)="([^"]*)"`)
	foreign   = regexp.MustCompile(`<(script|img|iframe|form|object|embed)\b| (src|on[a-z]+|style)=`)
)

// scan collects the places and the links of a page.
func scan(t *testing.T, name string, text []byte, anchors map[string]bool, links map[string]string) {
	t.Helper()
	if found := foreign.Find(text); found != nil && name != "chat.html" {
		t.Errorf("%s has %s", name, found)
	}
	for _, a := range attribute.FindAllStringSubmatch(string(text), -1) {
		switch {
		case a[1] == "id":
			anchors[name+"#"+a[2]] = true
			anchors["#"+a[2]] = true
		case !strings.HasPrefix(a[2], "data:"):
			links[a[2]] = name
		}
	}
}

// TestChatPage runs one script, a file, and says so itself; no other page may run any.
func TestChatPage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := Write(dir, append(build(t), Chat())); err != nil {
		t.Fatal(err)
	}
	for name, scripts := range map[string]int{"chat.html": 1, "index.html": 0} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		page := string(text)
		found := len(regexp.MustCompile(`<script\b`).FindAllString(page, -1))
		if found != scripts || strings.Count(page, `<script src="chat.js" defer></script>`) != scripts ||
			strings.Count(page, "script-src 'self'") != scripts || regexp.MustCompile(` (on[a-z]+|style)=`).MatchString(page) {
			t.Errorf("%s has %d scripts, or one that stands in it", name, found)
		}
	}
	script, err := os.ReadFile(filepath.Join(dir, "chat.js"))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"innerHTML", "localStorage", "sessionStorage", "document.cookie", "eval("} {
		if strings.Contains(string(script), wrong) {
			t.Errorf("the script uses %s", wrong)
		}
	}
}

func TestRoutesAreWhole(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Paths map[string]map[string]any }
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	pages := build(t)
	at := slices.IndexFunc(pages, func(p Page) bool { return p.Name == "routes.html" })
	for path, methods := range doc.Paths {
		for method := range methods {
			heading := ">" + strings.ToUpper(method) + " " + path + "</h2>"
			if method != "parameters" && !strings.Contains(string(pages[at].Body), heading) {
				t.Errorf("%s %s is not shown", method, path)
			}
		}
	}
}

// TestRunbook has a section for each alert.
func TestRunbook(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile("../../deploy/alerts/dreamlab.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	runbook, err := guides.ReadFile("guide/6-runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	for _, alert := range alerts {
		if !strings.Contains(string(runbook), "\n## "+alert[1]+"\n") {
			t.Errorf("the runbook says nothing about %s", alert[1])
		}
	}
	if len(alerts) < 10 {
		t.Errorf("only %d alerts were found", len(alerts))
	}
}
