package site

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// settings are the structs of the configuration's room.
type settings struct {
	structs map[string]*ast.StructType
	out     strings.Builder
}

// TestSettings holds the guide of settings to the comments of the configuration's structs. Where
// DREAMLAB_GOLDEN=write asks for that, it writes the guide anew.
func TestSettings(t *testing.T) {
	t.Parallel()
	s := settings{structs: map[string]*ast.StructType{}}
	files, err := filepath.Glob("../config/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := s.read(file); err != nil {
			t.Fatal(err)
		}
	}
	s.out.WriteString("# Settings\n\nFlags come before the environment, the environment before `dreamlab.yaml`, the file before the " +
		"defaults.\n`dreamlab doctor` shows where each value came from.\n\n| key in dreamlab.yaml | variable | tells |\n|---|---|---|\n")
	s.write("Config", "")
	const guide = "guide/7-settings.md"
	if os.Getenv("DREAMLAB_GOLDEN") == "write" {
		if err := os.WriteFile(guide, []byte(s.out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(guide)
	if err != nil || string(kept) != s.out.String() {
		t.Errorf("%s is not what the comments of cmd/internal/config say: run with DREAMLAB_GOLDEN=write (%v)", guide, err)
	}
	if rows := strings.Count(s.out.String(), "\n| `"); rows < 60 {
		t.Errorf("only %d settings were found", rows)
	}
}

func (s *settings) read(file string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		if spec, is := node.(*ast.TypeSpec); is {
			if fields, is := spec.Type.(*ast.StructType); is {
				s.structs[spec.Name.Name] = fields
			}
		}
		return true
	})
	return nil
}

// write writes a row for each field of a struct, and for the fields below it.
func (s *settings) write(name, before string) {
	for _, field := range s.structs[name].Fields.List {
		if field.Tag == nil {
			continue
		}
		tag, _ := strconv.Unquote(field.Tag.Value)
		key, _, _ := strings.Cut(reflect.StructTag(tag).Get("yaml"), ",")
		if key == "" || key == "-" {
			continue
		}
		inner, mark := element(field.Type)
		path := before + key + mark
		if _, has := s.structs[inner]; has && inner != name {
			if doc := comment(field); doc != "" {
				s.row(path, doc)
			}
			s.write(inner, path+".")
			continue
		}
		s.row(path, comment(field))
	}
}

func (s *settings) row(path, doc string) {
	variable := map[string]string{
		"addr": "DREAMLAB_ADDR", "data": "DREAMLAB_DATA", "log": "DREAMLAB_LOG", "database_url": "DATABASE_URL",
		"redis_url": "REDIS_URL", "bucket_url": "BUCKET_URL", "metrics": "DREAMLAB_METRICS", "prefix": "DREAMLAB_PREFIX",
	}[path]
	if variable != "" {
		variable = "`" + variable + "`"
	}
	fmt.Fprintf(&s.out, "| `%s` | %s | %s |\n", path, variable, strings.ReplaceAll(doc, "|", "or"))
}

func comment(field *ast.Field) string {
	text := field.Doc.Text() + field.Comment.Text()
	return strings.Join(strings.Fields(text), " ")
}

// element returns the name of a type's struct, and how its place is written: [] for a list, .NAME for
// a map.
func element(expr ast.Expr) (name, mark string) {
	switch e := expr.(type) {
	case *ast.Ident:
		return e.Name, ""
	case *ast.StarExpr:
		return element(e.X)
	case *ast.ArrayType:
		name, mark = element(e.Elt)
		return name, "[]" + mark
	case *ast.MapType:
		name, mark = element(e.Value)
		return name, ".NAME" + mark
	}
	return "", ""
}
