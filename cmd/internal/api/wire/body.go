package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"dreamlab/tasks/lenient"
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
// UTF-8: no route decodes it.
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

// JSONBody reads a whole JSON body, in which no name stands twice.
func JSONBody(c *Call) ([]byte, error) {
	if MediaType(c.Request) != "application/json" {
		return nil, WrongType(c.Request, "application/json")
	}
	body, err := wholeBody(c)
	if err != nil {
		return nil, err
	}
	return body, checkJSON(body)
}

func wholeBody(c *Call) ([]byte, error) {
	var body bytes.Buffer
	if c.ContentLength > 0 { // which was held to the route's limit
		body.Grow(int(c.ContentLength) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(c.Body); err != nil {
		return nil, ReadFault(err)
	}
	text := lenient.WithoutMark(body.Bytes())
	if !utf8.Valid(text) {
		return nil, Invalid("", "The body is not UTF-8: encode it as UTF-8.")
	}
	return text, nil
}

func checkJSON(body []byte) error {
	if !json.Valid(body) {
		var none json.RawMessage
		return decodeFault(body, json.Unmarshal(body, &none))
	}
	if name, found := twice(body); found {
		return Invalid(name, "The field %q stands twice in one object: send it once.", name)
	}
	return nil
}

// ReadFault tells why a body could not be read: it is too large, it came too
// slowly, or its form is broken.
func ReadFault(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Fault{
			Status: http.StatusRequestTimeout, Code: "invalid_request", Err: err,
			Message: "The body came too slowly: send it again.",
		}
	}
	return &Fault{
		Status: http.StatusBadRequest, Code: "invalid_request", Err: err,
		Message: "The body broke off, or its chunks or parts are malformed: check how it is encoded.",
	}
}

// ObjectBody reads a JSON body that may be missing, which stands for {}.
func ObjectBody(c *Call) ([]byte, error) {
	if c.ContentLength == 0 {
		return []byte("{}"), nil
	}
	if MediaType(c.Request) != "application/json" {
		return nil, WrongType(c.Request, "application/json")
	}
	body, err := wholeBody(c)
	if err == nil && len(bytes.TrimSpace(body)) == 0 {
		return []byte("{}"), nil
	}
	if err != nil {
		return nil, err
	}
	return body, checkJSON(body)
}

// NoBody refuses a body in which a field stands: the route would ignore it.
func NoBody(c *Call) error {
	body, err := ObjectBody(c)
	if err != nil {
		return err
	}
	return Decode(body, &struct{}{})
}

// Decode reads an object of known fields from valid JSON. Its error says what is
// wrong, and where.
func Decode(body []byte, into any) error {
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] != '{' {
		return Invalid("", "The body is %.20s: send a JSON object.", trimmed)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return decodeFault(body, err)
	}
	if name, found := stranger(body, reflect.TypeOf(into), ""); found {
		return Invalid(name, "There is no field %q here: remove it, it would be ignored.", name)
	}
	return nil
}

// Read reads the body of a call as Decode does.
func Read(c *Call, into any) error {
	body, err := JSONBody(c)
	if err != nil {
		return err
	}
	return Decode(body, into)
}

// decodeFault says what is wrong with a body, and where.
func decodeFault(body []byte, err error) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return Invalid("", "The body is empty: send a JSON object.")
	}
	field, fault := lenient.Fault(body, err)
	return Invalid(field, "%s is %s.", nameOf(field), fault)
}

func nameOf(field string) string {
	if field == "" {
		return "The body"
	}
	return field
}
