package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Row is an object as the API gives it.
type Row struct {
	raw    json.RawMessage
	fields map[string]any
}

// NewRow reads an object.
func NewRow(raw json.RawMessage) (Row, error) {
	row := Row{raw: raw}
	read := json.NewDecoder(bytes.NewReader(raw))
	read.UseNumber() // amounts are shown as they are
	if err := read.Decode(&row.fields); err != nil {
		return row, fmt.Errorf("read a row: %w", err)
	}
	return row, nil
}

// NewRows reads objects.
func NewRows(all []json.RawMessage) ([]Row, error) {
	rows := make([]Row, 0, len(all))
	for _, raw := range all {
		row, err := NewRow(raw)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// MarshalJSON returns the object as it came.
func (r Row) MarshalJSON() ([]byte, error) { return r.raw, nil }

// Field returns what stands at a path of names with dots between, "" where nothing does. Times,
// whose names end in _at, are unix seconds and become dates.
func (r Row) Field(path string) string {
	if strings.HasSuffix(path, "_at") {
		return r.Time(path)
	}
	return textOf(r.value(path))
}

// Time returns the date of the unix seconds at a path.
func (r Row) Time(path string) string {
	value := r.value(path)
	if number, is := value.(json.Number); is {
		if seconds, err := number.Int64(); err == nil {
			return time.Unix(seconds, 0).UTC().Format("2006-01-02T15:04:05Z")
		}
	}
	return textOf(value)
}

func (r Row) value(path string) any {
	var at any = r.fields
	for name := range strings.SplitSeq(path, ".") {
		inner, is := at.(map[string]any)
		if !is {
			return nil
		}
		at = inner[name]
	}
	return at
}

func textOf(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, part := range v {
			parts[i] = textOf(part)
		}
		return strings.Join(parts, " ")
	case map[string]any:
		text, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	return fmt.Sprint(value)
}

// Fields returns the columns with the fields at these paths. A path with = has another heading:
// error.code=why.
func Fields(paths ...string) []Column[Row] {
	var columns []Column[Row]
	for _, path := range paths {
		path, head, named := strings.Cut(path, "=")
		if !named {
			head = strings.ReplaceAll(strings.TrimSuffix(path, "_at"), "_", " ")
			head = strings.ReplaceAll(head, ".", " ")
		}
		columns = append(columns, Column[Row]{
			Head: strings.ToUpper(head), Of: func(r Row) string { return r.Field(path) },
		})
	}
	return columns
}
