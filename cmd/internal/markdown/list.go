package markdown

import (
	"regexp"
	"strings"
)

// list writes items up to the first line that belongs to none.
func (w *writer) list() {
	first := item.FindStringSubmatch(w.lines[0])
	name, start := "ul", ""
	if number := first[2][:len(first[2])-1]; number != "" {
		name = "ol"
		if number != "1" {
			start = " start=\"" + number + "\""
		}
	}
	w.out.WriteString("<" + name + start + ">\n")
	for len(w.lines) > 0 && sameList(w.lines[0], first[2]) {
		w.item()
	}
	w.out.WriteString("</" + name + ">\n")
}

// sameList tells whether a line is an item of the list whose first item has the mark.
func sameList(line, mark string) bool {
	m := item.FindStringSubmatch(line)
	return m != nil && m[2][len(m[2])-1] == mark[len(mark)-1] && !rule.MatchString(line)
}

// item writes an item: its line, and the lines below that are indented by more than its mark.
func (w *writer) item() {
	found := item.FindStringSubmatch(w.lines[0])
	indent := len(found[1]) + len(found[2]) + 1
	lines := []string{strings.TrimLeft(w.lines[0][len(found[0]):], " ")}
	w.lines = w.lines[1:]
	gap := false // an empty line was passed
	for ; len(w.lines) > 0; w.lines = w.lines[1:] {
		line := w.lines[0]
		spaces := len(line) - len(strings.TrimLeft(line, " "))
		inside := spaces >= indent || spaces >= 2 && spaces > len(found[1])
		if !blank(line) && !inside && (gap || w.begins() || item.MatchString(line)) {
			break
		}
		gap = blank(line)
		lines = append(lines, outdent(line, indent))
	}
	text := strings.TrimRight(strings.Join(lines, "\n"), " \n")
	w.out.WriteString("<li>")
	w.within(strings.Split(text, "\n"), !strings.Contains(text, "\n\n"))
	w.out.WriteString("</li>\n")
}

// tableHere tells whether the first two lines are the head of a table.
func (w *writer) tableHere() bool {
	return len(w.lines) > 1 && strings.Contains(w.lines[0], "|") && divider.MatchString(w.lines[1])
}

// table writes rows. The first is the heading, and the line below it is no row.
func (w *writer) table(lines []string) {
	w.out.WriteString("<div class=\"scroll\" tabindex=\"0\"><table>\n")
	for i, line := range lines {
		cell := "td"
		if i == 0 {
			cell = "th"
		}
		if i == 1 {
			continue
		}
		w.out.WriteString("<tr>")
		for _, text := range cells(line) {
			w.out.WriteString("<" + cell + ">" + w.inline(text) + "</" + cell + ">")
		}
		w.out.WriteString("</tr>\n")
	}
	w.out.WriteString("</table></div>\n")
}

var bar = regexp.MustCompile(`\\\||\|`)

// cells splits a row. A bar behind a backslash is a text's own.
func cells(row string) []string {
	row = strings.TrimPrefix(strings.TrimSpace(row), "|")
	if !strings.HasSuffix(row, `\|`) {
		row = strings.TrimSuffix(row, "|")
	}
	var all []string
	cell, from := "", 0
	for _, at := range bar.FindAllStringIndex(row, -1) {
		cell += row[from:at[0]]
		from = at[1]
		if at[1]-at[0] == 2 {
			cell += "|"
			continue
		}
		all, cell = append(all, strings.TrimSpace(cell)), ""
	}
	return append(all, strings.TrimSpace(cell+row[from:]))
}
