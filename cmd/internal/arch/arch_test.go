// Package arch holds the rooms of Dream Lab apart: which package may import which, how
// long a file and a function may get, what has to be documented. It reads the
// sources itself, since a test that asks the go tool is answered from its cache.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	module     = "dreamlab"
	root       = "../../.."
	maxFile    = 400 // lines
	maxFunc    = 70  // lines
	maxFiles   = 25  // of a room
	maxMethods = 40  // of a type
)

// arrows says what of ours each room may import beside itself and what lies
// below it; the longest prefix that fits a room holds. Tests, and the rooms whose
// names end in "test", are free, since they put real parts together.
var arrows = map[string][]string{
	"store":               {},
	"store/migrations":    {},
	"store/db":            {"store/migrations"},
	"store/flight":        {"store/db"},
	"store/job":           {"store/db"},
	"store/book":          {"store/db", "store/job"},
	"store/learn":         {"store/db", "store/job"},
	"store/batch":         {"store/db", "store/job"},
	"store/canary":        {"store/db", "store/job", "store/learn"},
	"store/retention":     {"store/db"},
	"store/postgres":      {"store/db"},
	"store/sqlite":        {"store/db"},
	"store/blob":          {"store/db"},
	"store/redis":         {"store/db"},
	"providers":           {},
	"tasks":               {"store", "providers/completion"},
	"tasks/lenient":       {},
	"tasks/engine":        {"tasks", "store", "store/redis"},
	"tasks/notebook":      {"store", "store/blob"},
	"tasks/notebook/runs": {"tasks/notebook", "store", "store/blob", "providers"},
	"handlers": {"tasks", "tasks/bulk", "tasks/embed", "tasks/kept", "tasks/lines", "tasks/lenient", "store", "store/redis",
		"store/blob", "providers", "providers/catalog", "providers/completion", "providers/redact"},
	"providers/sandbox/model": {},
	"providers/sandbox/lab":   {"providers/sandbox/model"},
	"providers/sandbox/work":  {"providers/sandbox/lab", "providers/sandbox/model"},

	"cmd/internal/config":    {"providers"},
	"cmd/internal/client":    {},
	"cmd/internal/cli":       {},
	"cmd/internal/markdown":  {},
	"cmd/internal/site":      {"cmd/internal/cli", "cmd/internal/markdown", "providers", "providers/catalog"},
	"cmd/internal/api/wire":  {"tasks/lenient"},
	"cmd/internal/api/token": {"cmd/internal/api/wire"},
	"cmd/internal/api/gate":  {"cmd/internal/api/wire", "cmd/internal/api/token", "tasks", "tasks/engine", "store"},
	"cmd/internal/alike":     {},
	"cmd/internal/api/cache": {"cmd/internal/api/wire", "cmd/internal/alike", "tasks", "tasks/kept", "store", "providers/completion"},
	"cmd/internal/api/chat": {"cmd/internal/api/wire", "cmd/internal/api/gate", "cmd/internal/api/cache", "tasks", "store", "store/redis",
		"providers/completion"},
	"cmd/internal/api/embed": {"cmd/internal/api/wire", "cmd/internal/api/gate", "cmd/internal/api/chat", "tasks",
		"tasks/embed", "store", "providers/completion"},
	"cmd/internal/api": {"tasks", "tasks/bulk", "tasks/kept", "tasks/lines", "tasks/notebook", "tasks/engine", "tasks/lenient",
		"store", "store/redis", "store/blob"},
	"cmd/internal/status": {"cmd/internal/config", "store"},
	"cmd/internal/web": {"cmd/internal/api/wire", "cmd/internal/markdown", "cmd/internal/site", "cmd/internal/status",
		"tasks", "store"},
	"cmd/internal/telemetry": {"cmd/internal/config", "providers", "tasks", "store"},
	"cmd/internal/boot":      {"*"},
	"cmd/dreamlab": {"cmd/internal/boot", "cmd/internal/cli", "cmd/internal/cli/show", "cmd/internal/site", "cmd/internal/client", "cmd/internal/config", "cmd/internal/heap",
		"cmd/internal/load", "cmd/internal/nights", "cmd/internal/price", "cmd/internal/alike", "cmd/internal/status", "store", "tasks", "tasks/lenient",
		"providers",
		"providers/bill", "providers/catalog", "handlers/judge/check", "cmd/internal/reconcile"},
	"cmd": {"*"},
}

// nouns are the store's packages: what may import the store may import them.
var nouns = []string{"store/db", "store/flight", "store/job", "store/book", "store/learn", "store/batch", "store/canary",
	"store/retention"}

// leaves import nothing of ours, and every room may import them: what the store, the
// vendors and the handlers all do alike has its one home here, without an arrow
// between those rooms.
var leaves = []string{"store/money", "store/backoff", "store/plainjson", "store/rate"}

// wired are imported by boot alone.
var wired = []string{"store/blob/gcs", "store/postgres", "store/sqlite"}

// dialect is the one folder with an emulator that is no vendor's: many speak it.
const dialect = "openai"

// vendors are the folders below providers that have an emulator. Boot alone
// imports them.
var vendors = sync.OnceValue(func() (names []string) {
	found, err := filepath.Glob(filepath.Join(root, "providers", "*", "emulator"))
	if err != nil { // the pattern is sound
		panic(err)
	}
	for _, folder := range found {
		if name := filepath.Base(filepath.Dir(folder)); name != dialect {
			names = append(names, name)
		}
	}
	return names
})

// wiredOnly tells whether only boot, besides a room itself, may import it: a vendor,
// its emulator, and the sandbox, which emulators import, too.
func wiredOnly(from, to string) bool {
	emulates := strings.HasPrefix(from, "providers/") && strings.HasSuffix(from, "/emulator")
	if within(to, "providers/sandbox") {
		return !within(from, "providers/sandbox") && !emulates
	}
	rooms := slices.Clone(wired)
	for _, name := range vendors() {
		rooms = append(rooms, "providers/"+name)
	}
	return slices.ContainsFunc(rooms, func(room string) bool { return within(to, room) && !within(from, room) })
}

// source is one file of the module.
type source struct {
	name  string // slashes, from the module's root
	room  string // its folder
	test  bool
	file  *ast.File
	files *token.FileSet
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && name != root {
			return fs.SkipDir
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if name == filepath.Join(root, "cmd/bench") { // a module of its own, which wires what it compares
			return fs.SkipDir
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		relative = filepath.ToSlash(relative)
		all = append(all, source{
			name: relative, room: path.Dir(relative), file: parsed, files: files,
			test: strings.HasSuffix(name, "_test.go") || strings.HasSuffix(path.Dir(relative), "test"),
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d files were found: the test looks in the wrong place", len(all))
	}
	return all
}

// ours returns the rooms that the file imports.
func (s source) ours(t *testing.T) []string {
	t.Helper()
	var rooms []string
	for _, spec := range s.file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if room, found := strings.CutPrefix(name, module+"/"); found {
			rooms = append(rooms, room)
		}
	}
	return rooms
}

func TestArrows(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, room := range s.ours(t) {
			if !s.test && (!allowed(s.room, room) || strings.HasSuffix(room, "test")) {
				t.Errorf("%s imports %s: %s may not", s.name, room, s.room)
			}
		}
	}
}

// allowed tells whether a room may import another of ours.
func allowed(from, to string) bool {
	if slices.Contains(leaves, from) {
		return false
	}
	if slices.Contains(leaves, to) {
		return true
	}
	longest := ""
	for prefix := range arrows {
		if within(from, prefix) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	if from != "cmd/internal/boot" && wiredOnly(from, to) {
		return false
	}
	may := arrows[longest]
	if slices.Contains(may, "store") && slices.Contains(nouns, to) {
		return true
	}
	return within(to, longest) || slices.Contains(may, "*") || slices.Contains(may, to)
}

func within(room, prefix string) bool { return room == prefix || strings.HasPrefix(room, prefix+"/") }

func TestAllowed(t *testing.T) {
	t.Parallel()
	cases := []struct {
		from, to string
		want     bool
	}{
		{"store", "tasks", false},
		{"store", "store/job", true},
		{"store/learn", "store/job", true},
		{"store/job", "store/learn", false},
		{"store/book", "store/learn", false},
		{"store/db", "store/job", false},
		{"store/redis", "store", false},
		{"providers", "store", false},
		{"providers/sandbox/lab", "providers", false},
		{"providers/sandbox/model", "providers/sandbox/lab", false},
		{"providers/sandbox/lab", "providers/sandbox/work", false},
		{"providers/groq/emulator", "providers/sandbox/lab", true},
		{"providers/groq", "providers/sandbox/lab", false},
		{"providers", "store/money", true},
		{"cmd/internal/client", "store/money", true},
		{"store/money", "store/db", false},
		{"tasks", "store/redis", false},
		{"handlers/chat", "providers/groq", false},
		{"handlers/chat", "handlers", true},
		{"handlers/chat", "tasks/engine", false},
		{"cmd/internal/api", "providers", false},
		{"cmd/internal/api", "cmd/internal/api/wire", true},
		{"cmd/internal/api/wire", "store", false},
		{"cmd/internal/api/wire", "cmd/internal/api/gate", false},
		{"cmd/internal/api/gate", "cmd/internal/api/chat", false},
		{"cmd/internal/web", "cmd/internal/api", false},
		{"cmd/internal/api/chat", "cmd/internal/api", false},
		{"cmd/internal/boot", "providers/groq", true},
		{"cmd/dreamlab", "store/sqlite", false},
		{"tasks/engine", "store/sqlite", false},
	}
	for _, c := range cases {
		if got := allowed(c.from, c.to); got != c.want {
			t.Errorf("%s imports %s: allowed %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

func TestLengths(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if lines := s.files.File(s.file.Pos()).LineCount(); lines > maxFile {
			t.Errorf("%s has %d lines, more than %d: split it", s.name, lines, maxFile)
		}
		for _, declared := range s.file.Decls {
			function, is := declared.(*ast.FuncDecl)
			if !is {
				continue
			}
			from, to := s.files.Position(function.Pos()).Line, s.files.Position(function.End()).Line
			if to-from+1 > maxFunc && !s.test {
				t.Errorf("%s: %s has %d lines, more than %d", s.name, function.Name, to-from+1, maxFunc)
			}
			if function.Name.Name == "init" && function.Recv == nil {
				t.Errorf("%s: init runs behind the reader's back: call it by a name", s.name)
			}
		}
	}
}

// TestSizes counts the files of a room, of which a program has one for each of its
// verbs, and the methods of a type.
func TestSizes(t *testing.T) {
	t.Parallel()
	files, methods := map[string]int{}, map[string]int{}
	for _, s := range sources(t) {
		if s.test || s.file.Name.Name == "main" {
			continue
		}
		files[s.room]++
		for _, declared := range s.file.Decls {
			if function, is := declared.(*ast.FuncDecl); is && function.Recv != nil {
				methods[s.room+"."+receiver(function)]++
			}
		}
	}
	for room, n := range files {
		if n > maxFiles {
			t.Errorf("%s has %d files, more than %d: make a room of some", room, n, maxFiles)
		}
	}
	for kind, n := range methods {
		if n > maxMethods {
			t.Errorf("%s has %d methods, more than %d: split it", kind, n, maxMethods)
		}
	}
}

func TestDocumented(t *testing.T) {
	t.Parallel()
	rooms := map[string]bool{}
	for _, s := range sources(t) {
		rooms[s.room] = rooms[s.room] || strings.TrimSpace(s.file.Doc.Text()) != ""
		if s.test {
			continue
		}
		for _, declared := range s.file.Decls {
			checkComment(t, s, declared)
		}
	}
	for room, documented := range rooms {
		if !documented {
			t.Errorf("%s: no file says what the package is for", room)
		}
	}
}

// checkComment looks at functions and single types; of a group, its own comment
// is enough.
func checkComment(t *testing.T, s source, declared ast.Decl) {
	t.Helper()
	name, comment := "", ""
	switch d := declared.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && !ast.IsExported(receiver(d)) {
			return
		}
		name, comment = d.Name.Name, d.Doc.Text()
	case *ast.GenDecl:
		spec, is := d.Specs[0].(*ast.TypeSpec)
		if d.Tok != token.TYPE || !is || len(d.Specs) > 1 {
			return
		}
		name, comment = spec.Name.Name, d.Doc.Text()
	}
	comment = strings.TrimSpace(comment)
	if !ast.IsExported(name) {
		return
	}
	first, _, _ := strings.Cut(comment, " ")
	if first != name && !slices.Contains([]string{"A", "An", "The"}, first) {
		t.Errorf("%s: the comment of %s does not begin with its name", s.name, name)
	}
}

func receiver(d *ast.FuncDecl) string {
	kind := d.Recv.List[0].Type
	if pointer, is := kind.(*ast.StarExpr); is {
		kind = pointer.X
	}
	if generic, is := kind.(*ast.IndexExpr); is {
		kind = generic.X
	}
	if name, is := kind.(*ast.Ident); is {
		return name.Name
	}
	return ""
}
