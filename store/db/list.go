package db

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// RowList is an argument for {rows} and {list}: structs, whose columns are named by their JSON
// tags, or texts. It is sent as one JSON text. On PostgreSQL a list of one row is sent as a
// parameter a column, which spares the server to read JSON: 5 to 8 µs a statement, and a chat
// of its own sends twelve.
type RowList struct {
	all any // the slice
	one any // the row, where it is a single one
}

// RowsOf returns a list of rows.
func RowsOf[T any](rows []T) RowList {
	l := RowList{all: rows}
	if len(rows) == 1 {
		if row := any(rows[0]); isPlain(reflect.TypeOf(row)) {
			l.one = row
		}
	}
	return l
}

// bound returns a statement in the words of the database, with its arguments.
func (q *Tx) bound(query string, args []any) (string, []any, error) {
	which := lists(args)
	if which == 0 {
		return q.sql(query), args, checkText(args)
	}
	if q.dialect == Postgres && single(args) {
		f := q.known.ofOne(query, which)
		args = f.fill(args)
		return f.query, args, checkText(args)
	}
	args = slices.Clone(args)
	for i, arg := range args {
		if l, ok := arg.(RowList); ok {
			args[i] = l.text()
		}
	}
	return q.sql(query), args, checkText(args)
}

// text is the list as JSON. A list without rows is an empty array, also where its slice is nil.
func (l RowList) text() string {
	if reflect.ValueOf(l.all).Len() == 0 {
		return "[]"
	}
	return Encode(l.all)
}

// lists returns which arguments are lists, a bit each.
func lists(args []any) (which uint64) {
	for i, arg := range args {
		if _, ok := arg.(RowList); ok {
			which |= 1 << i
		}
	}
	return which
}

// single tells whether each list has one row.
func single(args []any) bool {
	return !slices.ContainsFunc(args, func(arg any) bool {
		l, ok := arg.(RowList)
		return ok && l.one == nil
	})
}

// form is a statement over lists of one row, with where its parameters come from.
type form struct {
	query      string
	parameters []parameter
}

// parameter is an argument, or a column of the row that it holds.
type parameter struct {
	arg    int
	column string // "" is the argument itself
}

// fill returns the parameters' values.
func (f *form) fill(args []any) []any {
	values := make([]any, len(f.parameters))
	for i, p := range f.parameters {
		values[i] = args[p.arg]
		if l, ok := values[i].(RowList); ok {
			values[i] = columnOf(l.one, p.column)
		}
	}
	return values
}

// item finds what a form puts in other words: as word, and the parameters.
var item = regexp.MustCompile(word.String() + `|\$[0-9]+`)

// newForm puts a query into PostgreSQL's words for lists of one row.
func newForm(query string, which uint64) *form {
	f := &form{}
	known := map[string]string{}
	f.query = item.ReplaceAllStringFunc(query, func(found string) string {
		switch {
		case found[0] == '{' && strings.Contains(found, "$"):
			return f.source(found[1:len(found)-1], which)
		case found[0] == '{':
			return expand(Postgres, found[1:len(found)-1])
		case found[0] == '$' && known[found] == "":
			known[found] = f.add(parameter{arg: argument(found)})
		}
		if known[found] != "" {
			return known[found]
		}
		return found
	})
	return f
}

// argument returns which argument a parameter names.
func argument(name string) int {
	var n int
	if _, err := fmt.Sscanf(name, "$%d", &n); err != nil || n < 1 {
		panic("no parameter: " + name)
	}
	return n - 1
}

// add adds a parameter, and returns its name.
func (f *form) add(p parameter) string {
	f.parameters = append(f.parameters, p)
	return fmt.Sprintf("$%d", len(f.parameters))
}

// source is {rows} or {list} over a single row. The limit keeps the planner from taking it apart,
// so that the plan is the same as for many rows.
func (f *form) source(of string, which uint64) string {
	verb, rest, _ := strings.Cut(of, " ")
	name, columns, _ := strings.Cut(rest, ":")
	arg := argument(strings.TrimSpace(name))
	switch {
	case which&(1<<arg) == 0:
		return strings.ReplaceAll(expand(Postgres, of), strings.TrimSpace(name), f.add(parameter{arg: arg}))
	case verb == "list":
		return "SELECT CAST(" + f.add(parameter{arg, itself}) + " AS text) AS value " + few
	}
	picks := strings.Split(columns, ",")
	for i, column := range picks {
		name, kind, _ := strings.Cut(strings.TrimSpace(column), " ")
		picks[i] = "CAST(" + f.add(parameter{arg, name}) + " AS " + kind + ") AS " + name
	}
	return "(SELECT " + strings.Join(picks, ", ") + " " + few + ") AS x"
}

// itself names the one column of a list of texts.
const itself = "value"

// columns are the indexes of a struct's fields, by column; nil where a field is not plain.
type columns map[string]int

var columnsOf sync.Map // by reflect.Type

// isPlain tells whether a row's columns can be parameters: texts, whole numbers, booleans, and
// pointers to them.
func isPlain(t reflect.Type) bool {
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t != nil && (t.Kind() == reflect.String || fieldsOf(t) != nil)
}

func fieldsOf(t reflect.Type) columns {
	if known, ok := columnsOf.Load(t); ok {
		return known.(columns)
	}
	found := readFields(t)
	columnsOf.Store(t, found)
	return found
}

func readFields(t reflect.Type) columns {
	if t.Kind() != reflect.Struct {
		return nil
	}
	found := columns{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" || options != "" || !isScalar(f.Type) {
			return nil
		}
		found[name] = i
	}
	return found
}

func isScalar(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Int64, reflect.Bool:
		return true
	}
	return false
}

// columnOf returns the value of a row's column, nil where it has none, as in JSON.
func columnOf(row any, column string) any {
	v := reflect.Indirect(reflect.ValueOf(row))
	if v.Kind() == reflect.Struct {
		at, ok := fieldsOf(v.Type())[column]
		if !ok {
			return nil
		}
		v = v.Field(at)
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return legible(v.String())
	}
	return v.Int()
}

// legible is a text as JSON would hold it: without bytes that are no UTF-8.
func legible(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "�")
}
