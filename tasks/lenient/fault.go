package lenient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Fault says why JSON text could not be decoded, as the end of a sentence that begins
// with the field and "is": "a string: it has to be a whole number". The field is "" where
// the fault is in the whole text.
func Fault(text []byte, err error) (field, fault string) {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(bytes.TrimRight(text, " \t\r\n"))) &&
		strings.Contains(syntax.Error(), "unexpected end"):
		return "", "not JSON: it ends too early"
	case errors.As(err, &syntax):
		line, column := position(text, syntax.Offset)
		return "", fmt.Sprintf("not JSON: %v at line %d, column %d", err, line, column)
	case errors.As(err, &kind):
		return kind.Field, fmt.Sprintf("%s: it has to be %s", Kind(kind.Value), Kind(kind.Type.Kind().String()))
	}
	return "", fmt.Sprintf("not what is expected: %v", err)
}

func position(text []byte, offset int64) (line, column int) {
	before := text[:max(0, min(offset, int64(len(text))))]
	return 1 + bytes.Count(before, []byte{'\n'}), len(before) - 1 - bytes.LastIndexByte(before, '\n')
}
