package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// MediaType returns the content type without its parameters; a request that
// names none is taken for JSON.
func MediaType(r *http.Request) string {
	header := r.Header.Get("Content-Type")
	if header == "" {
		return "application/json"
	}
	kind, _, err := mime.ParseMediaType(header)
	if err != nil {
		return header
	}
	return kind
}

// CheckEncoding refuses a body that is compressed, or in a charset other than
// UTF-8: nobody here would decode it.
func CheckEncoding(r *http.Request) error {
	for _, encoding := range r.Header.Values("Content-Encoding") {
		if !strings.EqualFold(strings.TrimSpace(encoding), "identity") && encoding != "" {
			return unsupported("The content encoding is %.60q: send the body as it is.", encoding)
		}
	}
	_, settings, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset, given := settings["charset"]; err == nil && given && !isUTF8(charset) {
		return unsupported("The charset is %.60q: encode the body as UTF-8.", charset)
	}
	return nil
}

func isUTF8(charset string) bool {
	return slices.Contains([]string{"utf-8", "utf8", "us-ascii", "ascii"}, strings.ToLower(charset))
}

func unsupported(format string, args ...any) *Fault {
	return &Fault{
		Status: http.StatusUnsupportedMediaType, Code: "invalid_request", Message: fmt.Sprintf(format, args...),
	}
}

// WrongType is the fault of a content type that a route does not take: 415.
func WrongType(r *http.Request, right ...string) *Fault {
	return unsupported("The content type is %.60q: send %s.", MediaType(r), strings.Join(right, " or "))
}

// JSONBody reads a whole JSON body.
func JSONBody(c *Call) ([]byte, error) {
	if MediaType(c.Request) != "application/json" {
		return nil, WrongType(c.Request, "application/json")
	}
	return WholeBody(c)
}

// WholeBody reads a whole body of UTF-8.
func WholeBody(c *Call) ([]byte, error) {
	body, err := io.ReadAll(c.Body)
	if err != nil {
		return nil, ReadFault(err)
	}
	if !utf8.Valid(body) {
		return nil, Invalid("", "The body is not UTF-8: encode it as UTF-8.")
	}
	return body, nil
}

// ReadFault tells a body that is too large from one that broke off.
func ReadFault(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return &Fault{
		Status: http.StatusRequestTimeout, Code: "invalid_request", Err: err,
		Message: "The body broke off or came too slowly: send it again.",
	}
}

// ObjectBody reads a JSON body that may be missing, which stands for {}.
func ObjectBody(c *Call) ([]byte, error) {
	if c.ContentLength == 0 {
		return []byte("{}"), nil
	}
	body, err := JSONBody(c)
	if err == nil && len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	return body, err
}

// Decode reads an object of known fields. Its error says what is wrong, and
// where.
func Decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return DecodeFault(body, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Invalid("", "There is something behind the JSON object: send one object alone.")
	}
	return nil
}

// DecodeFault says what is wrong with a body, and where.
func DecodeFault(body []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return Invalid("", "The body is empty: send a JSON object.")
	case errors.As(err, &syntax):
		line, column := position(body, syntax.Offset)
		return Invalid("", "The body is not JSON: %v at line %d, column %d.", err, line, column)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return Invalid("", "The body is not JSON: it ends too early.")
	case errors.As(err, &kind):
		return Invalid(kind.Field, "%s is a %s: it has to be %s.", nameOf(kind.Field), kind.Value,
			article(kind.Type.Kind().String()))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return Invalid(name, "There is no field %q here: remove it, it would be ignored.", name)
	}
	return Invalid("", "The body is not what this route takes: %v.", err)
}

func nameOf(field string) string {
	if field == "" {
		return "The body"
	}
	return field
}

// article puts Go's kinds into JSON's words.
func article(kind string) string {
	switch kind {
	case "string":
		return "a string"
	case "bool":
		return "true or false"
	case "slice", "array":
		return "an array"
	case "struct", "map":
		return "an object"
	}
	return "a whole number"
}

func position(body []byte, offset int64) (line, column int) {
	before := body[:max(0, min(offset, int64(len(body))))]
	return 1 + bytes.Count(before, []byte{'\n'}), len(before) - 1 - bytes.LastIndexByte(before, '\n')
}
