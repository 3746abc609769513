package markdown

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a line's parts, which keep the time in proportion to the text.
const (
	maxNested = 8    // of emphasis and links in each other
	maxLabel  = 1000 // bytes of a link's text
	maxTarget = 2000 // bytes of a link's target
)

var escaper = strings.NewReplacer(`&`, "&amp;", `<`, "&lt;", `>`, "&gt;", `"`, "&#34;", `'`, "&#39;")

func escape(text string) string { return escaper.Replace(text) }

// inline renders what stands in the lines of a text.
func (s style) inline(text string) string {
	text, aside := setAside(text)
	p := &parts{style: s}
	p.write(text, 0)
	var out strings.Builder
	for rest := p.out.String(); ; {
		before, after, found := strings.Cut(rest, "\x00")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		out.WriteString(aside[0])
		aside, rest = aside[1:], after
	}
}

const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

// setAside replaces code, and what stands behind a backslash, by a NUL each, since neither is looked
// at further. It returns their HTML in order.
func setAside(text string) (string, []string) {
	var out strings.Builder
	var aside []string
	unclosed := map[int]bool{} // lengths of marks of code that have no end
	for text != "" {
		at := strings.IndexAny(text, "`\\")
		if at < 0 {
			break
		}
		out.WriteString(text[:at])
		text = text[at:]
		if text[0] == '\\' {
			if len(text) > 1 && strings.IndexByte(punctuation, text[1]) >= 0 {
				aside = append(aside, escape(text[1:2]))
				out.WriteByte(0)
				text = text[2:]
				continue
			}
			out.WriteByte('\\')
			text = text[1:]
			continue
		}
		n := runOf(text)
		end := -1
		if !unclosed[n] {
			end = closing(text[n:], text[:n])
		}
		if end < 0 {
			unclosed[n] = true
			out.WriteString(text[:n])
			text = text[n:]
			continue
		}
		aside = append(aside, "<code>"+escape(trimCode(text[n:n+end]))+"</code>")
		out.WriteByte(0)
		text = text[n+end+n:]
	}
	return out.String() + text, aside
}

// trimCode takes one space from both ends, which lets code begin with its own mark.
func trimCode(code string) string {
	if len(code) > 2 && code[0] == ' ' && code[len(code)-1] == ' ' {
		return code[1 : len(code)-1]
	}
	return code
}

// runOf returns how often the first byte stands at the beginning.
func runOf(text string) int {
	return len(text) - len(strings.TrimLeft(text, text[:1]))
}

// closing returns where a run of exactly those marks begins, -1 without one.
func closing(text, marks string) int {
	for at := 0; ; {
		next := strings.IndexByte(text[at:], marks[0])
		if next < 0 {
			return -1
		}
		at += next
		n := runOf(text[at:])
		if n == len(marks) {
			return at
		}
		at += n
	}
}

// parts writes the parts of a line.
type parts struct {
	style
	out strings.Builder
}

// emphases are the elements of marks.
var emphases = map[string][2]string{
	"*": {"<em>", "</em>"}, "_": {"<em>", "</em>"}, "**": {"<strong>", "</strong>"}, "__": {"<strong>", "</strong>"},
	"***": {"<strong><em>", "</em></strong>"}, "~~": {"<del>", "</del>"},
}

// write writes a text without code.
func (p *parts) write(text string, depth int) {
	unclosed := map[string]bool{}
	before := rune(0) // the character in front of the text
	for text != "" {
		at := strings.IndexAny(text, "*_~[!")
		if at < 0 || depth > maxNested {
			break
		}
		p.out.WriteString(escape(text[:at]))
		if at > 0 {
			before, _ = utf8.DecodeLastRuneInString(text[:at])
		}
		text = text[at:]
		n := 0
		if text[0] == '[' || text[0] == '!' {
			n = p.link(text, depth)
		} else if marks := text[:runOf(text)]; !unclosed[marks] {
			n = p.emphasis(text, marks, before, depth)
			unclosed[marks] = n < 0
		}
		if n <= 0 {
			n = 1
			if text[0] != '[' && text[0] != '!' {
				n = runOf(text)
			}
			p.out.WriteString(escape(text[:n]))
		}
		before, _ = utf8.DecodeLastRuneInString(text[:n])
		text = text[n:]
	}
	p.out.WriteString(escape(text))
}

// emphasis writes what stands between marks and returns its length; 0 where the marks are text, and
// -1 where those behind have no end either.
func (p *parts) emphasis(text, marks string, before rune, depth int) int {
	element, known := emphases[marks]
	after, _ := utf8.DecodeRuneInString(text[len(marks):])
	if !known || len(text) == len(marks) || unicode.IsSpace(after) || marks[0] == '_' && inWord(before) {
		return 0
	}
	for from := len(marks); ; {
		at := closing(text[from:], marks)
		if at < 0 {
			return -1
		}
		at += from
		last, _ := utf8.DecodeLastRuneInString(text[:at])
		next, _ := utf8.DecodeRuneInString(text[at+len(marks):])
		if unicode.IsSpace(last) || marks[0] == '_' && at+len(marks) < len(text) && inWord(next) {
			from = at + len(marks)
			continue
		}
		p.out.WriteString(element[0])
		p.write(text[len(marks):at], depth+1)
		p.out.WriteString(element[1])
		return at + len(marks)
	}
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// link writes the link, or the image as a link, that a text begins with, and returns its length, 0
// where there is none.
func (p *parts) link(text string, depth int) int {
	start := strings.TrimPrefix(text, "!")
	if start == "" || start[0] != '[' {
		return 0
	}
	label, behind, found := cut(start[1:], "](", maxLabel)
	if !found || strings.ContainsAny(label, "[]") {
		return 0
	}
	inside, _, found := cut(behind, ")", maxTarget)
	target, _, _ := strings.Cut(strings.TrimSpace(inside), " ") // a title may follow, which is not shown
	target = strings.TrimSuffix(strings.TrimPrefix(target, "<"), ">")
	if !found || label == "" && start == text || strings.ContainsAny(inside, "\x00\n") || !p.style.link.MatchString(target) {
		return 0
	}
	p.out.WriteString(`<a href="` + escape(target) + `"` + p.rel + `>`)
	if start != text {
		label = strings.TrimSpace("image " + label)
	}
	p.write(label, depth+1) // which has no bracket, and so no link
	p.out.WriteString("</a>")
	return len(text) - len(start) + 1 + strings.Index(start[1:], "](") + len("](") + len(inside) + 1
}

// cut is strings.Cut within the first so many bytes.
func cut(text, mark string, most int) (before, after string, found bool) {
	at := strings.Index(text[:min(len(text), most)], mark)
	if at < 0 {
		return "", "", false
	}
	return text[:at], text[at+len(mark):], true
}
