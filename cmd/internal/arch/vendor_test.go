package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// knowing may name vendors outside of their folders, each for a reason.
func knowing() map[string]string {
	return map[string]string{
		"cmd/internal/boot/vendor.go":     "the one list of vendors",
		"cmd/internal/config/config.go":   "the default team",
		"cmd/internal/config/check.go":    "the example of a model's name",
		"tasks/tune.go":                   "the example of a model's name",
		"cmd/internal/api/gate/origin.go": "a header of a front door, whose prefix is a vendor's name",
		"providers/openai/":               "the dialect that own servers speak, one of which is a vendor, too",
		"cmd/chaos/":                      "a trial of the program from outside, at the emulators' paths",
	}
}

// naming finds vendors' names in a text or an identifier. One name is a word of
// everyday English: of it, only the spellings count that are no such word.
func naming(t *testing.T) *regexp.Regexp {
	t.Helper()
	names := slices.Clone(vendors())
	if len(names) == 0 {
		t.Fatal("no vendors were found: the test looks in the wrong place")
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "together" })
	return regexp.MustCompile(`(?i:` + strings.Join(names, "|") + `)|\btogether/|^together$|TOGETHER_|\bTogether (AI|says)`)
}

// TestVendorsAreNamedInTheirFolders reads string literals and identifiers; a
// comment may name whom a form comes from.
func TestVendorsAreNamedInTheirFolders(t *testing.T) {
	t.Parallel()
	names := naming(t)
	for _, s := range sources(t) {
		if s.test || excused(s) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			text := ""
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					text = strings.Trim(n.Value, "`\"")
				}
			case *ast.Ident:
				text = n.Name
			}
			if text != "" && names.MatchString(text) {
				t.Errorf("%s: %.60q names a vendor: it belongs to the vendor's folder", s.files.Position(n.Pos()), text)
			}
			return true
		})
	}
}

// excused tells whether a file may name vendors.
func excused(s source) bool {
	for _, name := range vendors() {
		if within(s.room, "providers/"+name) {
			return true
		}
	}
	for place := range knowing() {
		if strings.HasPrefix(s.name, place) {
			return true
		}
	}
	return false
}
