package site

import (
	"html/template"
	"regexp"
	"strings"
)

// markdown renders the part of Markdown that the guides use: headings, paragraphs, lists, tables,
// blocks of code; and in their lines code, strong words and links. All else is text.
func markdown(text string) template.HTML {
	w := &writer{lines: strings.Split(text, "\n")}
	for len(w.lines) > 0 {
		w.block()
	}
	return template.HTML(w.out.String())
}

// writer turns lines into HTML.
type writer struct {
	lines []string
	out   strings.Builder
}

// take returns the lines from the first on for which a test holds.
func (w *writer) take(holds func(string) bool) []string {
	n := 0
	for n < len(w.lines) && holds(w.lines[n]) {
		n++
	}
	taken := w.lines[:n]
	w.lines = w.lines[n:]
	return taken
}

func starts(prefix string) func(string) bool {
	return func(line string) bool { return strings.HasPrefix(line, prefix) }
}

func (w *writer) block() {
	line := w.lines[0]
	switch {
	case strings.TrimSpace(line) == "":
		w.lines = w.lines[1:]
	case strings.HasPrefix(line, "```"):
		w.code()
	case strings.HasPrefix(line, "#"):
		w.lines = w.lines[1:]
		w.heading(line)
	case strings.HasPrefix(line, "|"):
		w.table(w.take(starts("|")))
	case strings.HasPrefix(line, "- "):
		w.list(w.take(func(line string) bool { return strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "  ") }))
	default:
		text := w.take(func(line string) bool { return strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "```") })
		w.out.WriteString("<p>" + inline(strings.Join(text, "\n")) + "</p>\n")
	}
}

func (w *writer) code() {
	w.lines = w.lines[1:]
	text := w.take(func(line string) bool { return !strings.HasPrefix(line, "```") })
	if len(w.lines) > 0 {
		w.lines = w.lines[1:]
	}
	w.out.WriteString("<pre tabindex=\"0\"><code>" + template.HTMLEscapeString(strings.Join(text, "\n")) + "</code></pre>\n")
}

func (w *writer) heading(line string) {
	text := strings.TrimLeft(line, "#")
	level := string(rune('0' + min(len(line)-len(text), 6)))
	text = strings.TrimSpace(text)
	w.out.WriteString("<h" + level + " id=\"" + anchor(text) + "\">" + inline(text) + "</h" + level + ">\n")
}

// anchor returns the name by which a heading is linked.
func anchor(heading string) string {
	return strings.Trim(notWord.ReplaceAllString(strings.ToLower(heading), "-"), "-")
}

var notWord = regexp.MustCompile(`[^a-z0-9_]+`)

func (w *writer) list(lines []string) {
	w.out.WriteString("<ul>\n")
	for _, item := range strings.Split("\n"+strings.Join(lines, "\n"), "\n- ")[1:] {
		w.out.WriteString("<li>" + inline(item) + "</li>\n")
	}
	w.out.WriteString("</ul>\n")
}

// table writes rows. The first is the heading, and the line below it is no row.
func (w *writer) table(lines []string) {
	w.out.WriteString("<div class=\"wide\" tabindex=\"0\"><table>\n")
	for i, line := range lines {
		cell := "td"
		if i == 0 {
			cell = "th"
		}
		if i == 1 {
			continue
		}
		w.out.WriteString("<tr>")
		for _, text := range strings.Split(strings.Trim(line, "|"), "|") {
			w.out.WriteString("<" + cell + ">" + inline(strings.TrimSpace(text)) + "</" + cell + ">")
		}
		w.out.WriteString("</tr>\n")
	}
	w.out.WriteString("</table></div>\n")
}

var (
	strong = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	link   = regexp.MustCompile(`\[([^\]]+)\]\(((?:https://|[a-z0-9.-]+\.html)[^)\s]*)\)`)
)

// inline escapes a text and renders what stands in its lines. Code is left as it is.
func inline(text string) string {
	parts := strings.Split(template.HTMLEscapeString(text), "`")
	for i, part := range parts {
		if i%2 == 1 {
			parts[i] = "<code>" + part + "</code>"
			continue
		}
		part = strong.ReplaceAllString(part, "<strong>$1</strong>")
		parts[i] = link.ReplaceAllString(part, `<a href="$2">$1</a>`)
	}
	return strings.Join(parts, "")
}
