// Package lenient reads text as other programs and models write it: lines with
// a byte order mark, CRLF or empty lines between them, a JSON array in place of
// lines, a JSON object inside a fence, behind thoughts or amid prose.
//
// It finds where a piece begins and ends. Whether the piece is a conversation, a
// row or a verdict is its caller's to check.
package lenient

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Errors of a text that can not be read at all.
var (
	ErrUTF16 = errors.New("the text is UTF-16, as some Windows programs save it: save it as UTF-8")
	ErrLong  = errors.New("too long")
)

var mark = []byte("\xef\xbb\xbf") // U+FEFF as UTF-8

// WithoutMark returns the text without a byte order mark before it, which
// RFC 8259, section 8.1 lets readers ignore.
func WithoutMark(text []byte) []byte { return bytes.TrimPrefix(text, mark) }

// UTF16 tells whether a text that begins so is UTF-16: by its byte order mark,
// or by the zero beside its first letter.
func UTF16(start []byte) bool {
	if len(start) < 2 {
		return false
	}
	return start[0] == 0xff && start[1] == 0xfe || start[0] == 0xfe && start[1] == 0xff ||
		(start[0] == 0) != (start[1] == 0)
}

// skipMark passes over what may stand before a text, and refuses UTF-16.
func skipMark(reader *bufio.Reader) error {
	start, err := reader.Peek(len(mark))
	if UTF16(start) {
		return ErrUTF16
	}
	if err == nil && bytes.Equal(start, mark) {
		_, err = reader.Discard(len(mark))
	}
	if errors.Is(err, io.EOF) { // the text is shorter than a mark
		return nil
	}
	return err // Peek reports an error of the reader once: later reads may not see it
}
