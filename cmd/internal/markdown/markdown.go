// Package markdown renders a safe part of Markdown as HTML: headings, paragraphs, lists, quotes,
// tables and blocks of code; and in their lines code, emphasis and links. All else is text. HTML
// that stands in a text is shown, never passed on, and nothing is loaded from elsewhere: an image
// becomes a link to it.
package markdown

import (
	"html/template"
	"regexp"
	"strings"
)

// Bounds of what is rendered.
const (
	maxText  = 256 << 10 // bytes; a longer text is shown as it is
	maxDepth = 6         // of lists and quotes in each other; what lies deeper is a paragraph
)

// Guide renders a text of our own. Its headings can be linked, and it may link pages beside it.
func Guide(text string) template.HTML { return render(text, guide) }

// Answer renders a text of a model. Its headings are strong lines, since they are none of the
// page's, and its links lead to web pages and addresses of mail alone.
func Answer(text string) template.HTML { return render(text, answer) }

// style is what guides and answers do differently.
type style struct {
	link     *regexp.Regexp // the targets that are linked
	rel      string         // the attribute that links get
	headings bool
}

var (
	guide  = style{link: regexp.MustCompile(`^(https://|[a-z0-9.-]+\.html(#|$))`), headings: true}
	answer = style{link: regexp.MustCompile(`^(?i:https?://|mailto:)[^/?#]`), rel: ` rel="nofollow noopener noreferrer"`}
)

func render(text string, s style) template.HTML {
	text = clean.Replace(strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) > maxText {
		return template.HTML("<pre tabindex=\"0\">" + escape(text) + "</pre>\n")
	}
	var out strings.Builder
	w := &writer{style: s, out: &out, lines: strings.Split(text, "\n")}
	w.blocks()
	return template.HTML(out.String())
}

// clean makes all ends of lines the same. A NUL stands for what was set aside, see setAside.
var clean = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD", "\t", "    ")

// writer turns lines into HTML.
type writer struct {
	style
	lines []string
	out   *strings.Builder
	depth int
	tight bool // paragraphs are written without their marks, as in the items of a list
}

func (w *writer) blocks() {
	for len(w.lines) > 0 {
		w.block()
	}
}

// within renders lines that stand in a list or a quote.
func (w *writer) within(lines []string, tight bool) {
	inner := &writer{style: w.style, out: w.out, lines: lines, depth: w.depth + 1, tight: tight}
	inner.blocks()
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

var (
	fence   = regexp.MustCompile("^ {0,3}(```+|~~~+)[^`]*$")
	heading = regexp.MustCompile(`^ {0,3}(#{1,6}) +(.*?)( +#+)? *$`)
	rule    = regexp.MustCompile(`^ {0,3}(-( *-){2,}|\*( *\*){2,}|_( *_){2,}) *$`)
	quoted  = regexp.MustCompile(`^ {0,3}> ?`)
	item    = regexp.MustCompile(`^( {0,3})([-*+]|[0-9]{1,9}[.)])( +|$)`)
	divider = regexp.MustCompile(`^ {0,3}\|?( *:?-+:? *\|)+( *:?-+:? *)?$`)
)

func blank(line string) bool { return strings.TrimSpace(line) == "" }

func (w *writer) block() {
	line := w.lines[0]
	switch {
	case blank(line):
		w.lines = w.lines[1:]
	case fence.MatchString(line):
		w.code()
	case heading.MatchString(line):
		w.lines = w.lines[1:]
		w.heading(heading.FindStringSubmatch(line))
	case rule.MatchString(line):
		w.lines = w.lines[1:]
		w.out.WriteString("<hr>\n")
	case w.depth < maxDepth && quoted.MatchString(line):
		w.quote()
	case w.depth < maxDepth && item.MatchString(line):
		w.list()
	case w.tableHere():
		w.table(w.take(func(line string) bool { return strings.Contains(line, "|") }))
	default:
		w.paragraph()
	}
}

// begins tells whether the first line begins a block that ends a paragraph.
func (w *writer) begins() bool {
	line := w.lines[0]
	return blank(line) || fence.MatchString(line) || heading.MatchString(line) || rule.MatchString(line) ||
		w.depth < maxDepth && (quoted.MatchString(line) || startsList(line)) || w.tableHere()
}

// startsList tells whether a line in a paragraph begins a list. A number does only where it is 1,
// since a line may begin with a year.
func startsList(line string) bool {
	m := item.FindStringSubmatch(line)
	return m != nil && m[3] != "" && (len(m[2]) == 1 || m[2][:len(m[2])-1] == "1")
}

func (w *writer) paragraph() {
	text := []string{strings.TrimSpace(w.lines[0])}
	for w.lines = w.lines[1:]; len(w.lines) > 0 && !w.begins(); w.lines = w.lines[1:] {
		text = append(text, strings.TrimSpace(w.lines[0]))
	}
	said := w.inline(strings.Join(text, "\n"))
	if w.tight {
		w.out.WriteString(said)
		return
	}
	w.out.WriteString("<p>" + said + "</p>\n")
}

// code writes a block of code, which reaches to the end of the text where its end is missing.
func (w *writer) code() {
	first := w.lines[0]
	mark := fence.FindStringSubmatch(first)[1]
	indent := len(first) - len(strings.TrimLeft(first, " "))
	w.lines = w.lines[1:]
	text := w.take(func(line string) bool {
		end := strings.TrimSpace(line)
		return len(end) < len(mark) || strings.Trim(end, mark[:1]) != ""
	})
	if len(w.lines) > 0 {
		w.lines = w.lines[1:]
	}
	shown := make([]string, len(text))
	for i, line := range text {
		shown[i] = outdent(line, indent)
	}
	w.out.WriteString("<pre tabindex=\"0\"><code>" + escape(strings.Join(shown, "\n")) + "</code></pre>\n")
}

// outdent takes up to so many spaces from the beginning of a line.
func outdent(line string, spaces int) string {
	for range spaces {
		line = strings.TrimPrefix(line, " ")
	}
	return line
}

func (w *writer) heading(found []string) {
	text := strings.TrimSpace(found[2])
	if !w.headings {
		w.out.WriteString("<p><strong>" + w.inline(text) + "</strong></p>\n")
		return
	}
	level := string(rune('0' + len(found[1])))
	w.out.WriteString("<h" + level + " id=\"" + Anchor(text) + "\">" + w.inline(text) + "</h" + level + ">\n")
}

// Anchor returns the name by which a heading of a guide is linked.
func Anchor(heading string) string {
	return strings.Trim(notWord.ReplaceAllString(strings.ToLower(heading), "-"), "-")
}

var notWord = regexp.MustCompile(`[^a-z0-9_]+`)

func (w *writer) quote() {
	lines := w.take(quoted.MatchString)
	inner := make([]string, len(lines))
	for i, line := range lines {
		inner[i] = line[len(quoted.FindString(line)):]
	}
	w.out.WriteString("<blockquote>\n")
	w.within(inner, false)
	w.out.WriteString("</blockquote>\n")
}
