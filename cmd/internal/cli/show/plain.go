// Package show writes what verbs have to tell: rows as a table for people, and as JSON, JSON lines
// or CSV for programs; progress; and nothing that would control a terminal.
package show

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// Plain returns a writer that escapes the characters that control a terminal: texts of models and servers may
// hold escape sequences, which change the title, the clipboard or earlier output. They are
// written as in JSON strings, so that JSON output stays valid.
func Plain(to io.Writer) io.Writer { return &plainWriter{to: to} }

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
		out = appendPlain(out, r)
	}
	if _, err := w.to.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

func appendPlain(out []byte, r rune) []byte {
	switch {
	case r == '\r': // it would overwrite the line
		return out
	case steers(r):
		return fmt.Appendf(out, `\u%04x`, r)
	}
	return utf8.AppendRune(out, r) // invalid UTF-8 becomes U+FFFD
}

// line returns a text on one line, without characters that control a terminal.
func line(text string) string {
	var out []byte
	for _, r := range text {
		if r == '\n' || r == '\t' {
			r = ' '
		}
		out = appendPlain(out, r)
	}
	return string(out)
}

// steers tells whether a character controls the terminal: control characters of ASCII and Latin
// 1, and those that change the direction of writing (https://trojansource.codes).
func steers(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}
