package main

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// plainWriter escapes the characters that control a terminal: texts of models and servers may
// hold escape sequences, which change the title, the clipboard or earlier output. They are
// written as in JSON strings, so that JSON output stays valid.
type plainWriter struct {
	to   io.Writer
	tail []byte // the first bytes of an incomplete character
}

// Write writes the text. A character that is split between two calls is written whole.
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
		case r == '\r': // it would overwrite the line
		case steers(r):
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = utf8.AppendRune(out, r) // invalid UTF-8 becomes U+FFFD
		}
	}
	if _, err := w.to.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// steers tells whether a character controls the terminal: control characters of ASCII and Latin
// 1, and those that change the direction of writing (https://trojansource.codes).
func steers(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}
