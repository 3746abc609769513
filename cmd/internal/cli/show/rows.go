package show

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Form is how rows are written.
type Form string

// The forms.
const (
	Table Form = "table"
	JSON  Form = "json"
	Lines Form = "jsonl" // one JSON object a line
	CSV   Form = "csv"
)

// Sink is where rows go.
type Sink struct {
	Out    io.Writer
	Form   Form
	Colour bool // for a terminal that shows it
}

// Column is one column of a table.
type Column[T any] struct {
	Head string
	Of   func(T) string
}

// Write writes rows. In JSON it is the whole that is written, whatever holds the rows.
func Write[T any](to Sink, whole any, rows []T, columns []Column[T]) error {
	s := sheet{
		size: len(rows),
		row:  func(i int) any { return rows[i] },
		cell: func(i, k int) string { return columns[k].Of(rows[i]) },
	}
	for _, c := range columns {
		s.heads = append(s.heads, c.Head)
	}
	return s.write(to, whole)
}

// sheet holds rows of any type, so that each type adds little to the program.
type sheet struct {
	size  int
	heads []string
	row   func(i int) any
	cell  func(i, column int) string
}

func (s sheet) write(to Sink, whole any) error {
	switch to.Form {
	case JSON:
		return json.NewEncoder(Plain(to.Out)).Encode(whole)
	case Lines:
		return s.writeLines(Plain(to.Out))
	case CSV:
		return s.writeCSV(Plain(to.Out))
	}
	return s.writeTable(to)
}

func (s sheet) writeLines(out io.Writer) error {
	lines := json.NewEncoder(out)
	for i := range s.size {
		if err := lines.Encode(s.row(i)); err != nil {
			return err
		}
	}
	return nil
}

func (s sheet) writeCSV(out io.Writer) error {
	file := csv.NewWriter(out)
	cells := make([]string, len(s.heads))
	for k, head := range s.heads {
		cells[k] = strings.ReplaceAll(strings.ToLower(head), " ", "_")
	}
	if err := file.Write(cells); err != nil {
		return err
	}
	for i := range s.size {
		for k := range cells {
			cells[k] = s.cell(i, k)
		}
		if err := file.Write(cells); err != nil {
			return err
		}
	}
	file.Flush()
	return file.Error()
}

// writeTable aligns the columns, with two spaces between them.
func (s sheet) writeTable(to Sink) error {
	table := [][]string{s.heads}
	for i := range s.size {
		cells := make([]string, len(s.heads))
		for k := range cells {
			cells[k] = cmp.Or(line(s.cell(i, k)), "-")
		}
		table = append(table, cells)
	}
	wide := make([]int, len(s.heads))
	for _, cells := range table {
		for k, cell := range cells {
			wide[k] = max(wide[k], utf8.RuneCountInString(cell))
		}
	}
	for i, cells := range table {
		if err := writeRow(to, cells, wide, i == 0); err != nil {
			return err
		}
	}
	return nil
}

func writeRow(to Sink, cells []string, wide []int, heading bool) error {
	var text strings.Builder
	for k, cell := range cells {
		pad := strings.Repeat(" ", wide[k]-utf8.RuneCountInString(cell)+2)
		if k == len(cells)-1 {
			pad = ""
		}
		text.WriteString(to.paint(cell, heading) + pad)
	}
	_, err := fmt.Fprintln(to.Out, text.String())
	return err
}

// paint colours headings and words that say how something stands. The words stay: no colour tells
// anything alone.
func (s Sink) paint(cell string, heading bool) string {
	if !s.Colour {
		return cell
	}
	code := colours()[cell]
	if heading {
		code = "1"
	}
	if code == "" {
		return cell
	}
	return "\x1b[" + code + "m" + cell + "\x1b[0m"
}

// colours are the codes of the states (https://en.wikipedia.org/wiki/ANSI_escape_code#SGR).
func colours() map[string]string {
	const red, green, yellow, grey = "31", "32", "33", "90"
	return map[string]string{
		"succeeded": green, "ok": green, "settled": green, "active": green, "promoted": green,
		"failed": red, "FAULT": red, "unknown": red, "gone": red,
		"running": yellow, "queued": yellow, "waiting": yellow, "open": yellow, "retiring": yellow,
		"cancelled": grey, "expired": grey, "void": grey, "retired": grey,
	}
}
