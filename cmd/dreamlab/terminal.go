package main

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// plainWriter shows text without letting it steer the terminal: what models and servers
// say may hold escape sequences, which change the title, the clipboard or what was
// said before. Such characters are written as JSON would, so that JSON stays what
// it is.
type plainWriter struct {
	to   io.Writer
	tail []byte // the beginning of a character whose rest has not come
}

// Write shows the text. A character that is split between two writes is shown whole.
func (w *plainWriter) Write(p []byte) (int, error) {
	text := append(w.tail, p...)
	w.tail = nil
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			w.tail = append(w.tail, text...)
			break
		}
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch {
		case r == '\r': // it would write over the line
		case steers(r):
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = utf8.AppendRune(out, r) // what is no UTF-8 becomes U+FFFD
		}
	}
	if _, err := w.to.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// steers tells whether a character does something else than stand there: controls
// of ASCII and Latin 1, and those that turn the direction of writing
// (https://trojansource.codes).
func steers(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}
