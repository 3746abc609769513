package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/tasks"
)

// document is openapi.yaml, and a validator of as much of JSON Schema as it uses.
type document struct{ root map[string]any }

func openDocument(t testing.TB) document {
	t.Helper()
	var d document
	must(t, yaml.Unmarshal(openAPI, &d.root))
	return d
}

func at(node any, keys ...string) any {
	for _, key := range keys {
		object, ok := node.(map[string]any)
		if !ok {
			return nil
		}
		node = object[key]
	}
	return node
}

// resolve follows a reference.
func (d document) resolve(node any) any {
	ref, ok := at(node, "$ref").(string)
	if !ok {
		return node
	}
	return at(d.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

// check returns how a reply differs from what the document says of its route.
func (d document) check(pattern string, a answer) []string {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		method = "" // no such method or path: an error
	}
	responses := at(d.root, "paths", strings.ReplaceAll(path, "...", ""), strings.ToLower(method), "responses")
	response := at(responses, strconv.Itoa(a.status))
	if response == nil {
		if a.status < 400 {
			return []string{"the status is not in the document"}
		}
		if response = at(responses, "default"); response == nil {
			response = at(d.root, "components", "responses", "Error")
		}
	}
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	schema := at(d.resolve(response), "content", kind, "schema")
	if schema == nil {
		return []string{"the content type " + kind + " is not in the document"}
	}
	if kind != "application/json" {
		return nil
	}
	var value any
	if err := json.Unmarshal(a.body, &value); err != nil {
		return []string{err.Error()}
	}
	return d.validate(schema, value, "reply")
}

func (d document) validate(schema, value any, where string) []string {
	schema = d.resolve(schema)
	if options, ok := at(schema, "oneOf").([]any); ok {
		return d.oneOf(options, value, where)
	}
	var faults []string
	if want := at(schema, "type"); want != nil && !isOf(want, value) {
		return []string{fmt.Sprintf("%s is %T, want %v", where, value, want)}
	}
	if allowed, ok := at(schema, "enum").([]any); ok && !slices.Contains(allowed, value) {
		faults = append(faults, fmt.Sprintf("%s is %v, want one of %v", where, value, allowed))
	}
	switch v := value.(type) {
	case map[string]any:
		faults = append(faults, d.object(schema, v, where)...)
	case []any:
		for i, item := range v {
			if items := at(schema, "items"); items != nil {
				faults = append(faults, d.validate(items, item, fmt.Sprintf("%s[%d]", where, i))...)
			}
		}
	}
	return faults
}

func (d document) oneOf(options []any, value any, where string) []string {
	var all []string
	for _, option := range options {
		faults := d.validate(option, value, where)
		if len(faults) == 0 {
			return nil
		}
		all = append(all, faults...)
	}
	return all
}

func (d document) object(schema any, value map[string]any, where string) []string {
	var faults []string
	required, _ := at(schema, "required").([]any)
	for _, name := range required {
		if _, ok := value[name.(string)]; !ok {
			faults = append(faults, fmt.Sprintf("%s has no %s", where, name))
		}
	}
	for name, member := range value {
		switch property, others := at(schema, "properties", name), at(schema, "additionalProperties"); {
		case property != nil:
			faults = append(faults, d.validate(property, member, where+"."+name)...)
		case others == false:
			faults = append(faults, fmt.Sprintf("%s.%s is not in the document", where, name))
		case others != nil && others != true:
			faults = append(faults, d.validate(others, member, where+"."+name)...)
		}
	}
	return faults
}

func isOf(want, value any) bool {
	if several, ok := want.([]any); ok {
		return slices.ContainsFunc(several, func(one any) bool { return isOf(one, value) })
	}
	switch v := value.(type) {
	case nil:
		return want == "null"
	case bool:
		return want == "boolean"
	case string:
		return want == "string"
	case float64:
		return want == "number" || want == "integer" && v == float64(int64(v))
	case []any:
		return want == "array"
	}
	return want == "object"
}

// The document lists what is served, and all that it lists is served.
func TestDocumentListsEveryRoute(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	var listed, served []string
	for path, operations := range at(d.root, "paths").(map[string]any) {
		for method := range operations.(map[string]any) {
			if method != "parameters" {
				listed = append(listed, strings.ToUpper(method)+" "+path)
			}
		}
	}
	for _, rt := range routes(Options{}, gate.New(gate.Options{}), nil) {
		served = append(served, strings.ReplaceAll(rt.Name, "...", ""))
	}
	sort.Strings(listed)
	sort.Strings(served)
	if !slices.Equal(listed, served) {
		t.Errorf("the document lists\n%v\nand the table serves\n%v", listed, served)
	}
}

// The document names the query parameters of each route that takes some, and no others.
func TestDocumentListsEveryQueryParameter(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	for _, line := range routes(Options{}, gate.New(gate.Options{}), nil) {
		method, path, _ := strings.Cut(strings.ReplaceAll(line.Name, "...", ""), " ")
		var listed []string
		operation := at(d.root, "paths", path, strings.ToLower(method))
		parameters, _ := at(operation, "parameters").([]any)
		for _, p := range parameters {
			if p = d.resolve(p); at(p, "in") == "query" {
				listed = append(listed, at(p, "name").(string))
			}
		}
		slices.Sort(listed)
		taken := slices.Sorted(slices.Values(line.Query))
		if !slices.Equal(listed, taken) {
			t.Errorf("%s: the document lists %v, the route takes %v", line.Name, listed, taken)
		}
	}
}

// The closed set of codes is the same in the document as in the code.
func TestDocumentListsEveryCode(t *testing.T) {
	t.Parallel()
	schema := at(openDocument(t).root, "components", "schemas", "Error", "properties", "error", "properties",
		"code", "enum")
	codes, _ := schema.([]any)
	if len(codes) != len(wire.Statuses()) {
		t.Errorf("%d codes in the document, %d in the table", len(codes), len(wire.Statuses()))
	}
	for _, code := range codes {
		if wire.Statuses()[code.(string)] == 0 {
			t.Errorf("%v has no status", code)
		}
	}
}

// The validator finds what it is there to find.
func TestValidatorRefuses(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	schema := map[string]any{"$ref": "#/components/schemas/Health"}
	for _, value := range []any{
		nil, "ok", map[string]any{}, map[string]any{"status": "bad"}, map[string]any{"status": "ok", "more": 1.0},
	} {
		if len(d.validate(schema, value, "value")) == 0 {
			t.Errorf("%v was taken", value)
		}
	}
}

// The document lists every parameter of a chat.
func TestDocumentListsEveryChatParameter(t *testing.T) {
	t.Parallel()
	known, _ := at(openDocument(t).root, "components", "schemas", "ChatRequest", "properties").(map[string]any)
	for _, name := range tasks.ChatParameters() {
		if known[name] == nil {
			t.Errorf("%s is not in the document", name)
		}
	}
	if got, want := len(known), len(tasks.ChatParameters()); got != want {
		t.Errorf("%d parameters in the document, %d are taken", got, want)
	}
}
