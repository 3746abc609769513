package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// readWait is how long a client may pause while it sends a body.
const readWait = 30 * time.Second

// steady gives each read of a body a deadline of its own, so that a large body
// may take its time and a stalled one may not.
type steady struct {
	io.ReadCloser
	control *http.ResponseController
}

func (s steady) Read(p []byte) (int, error) {
	if err := s.control.SetReadDeadline(time.Now().Add(readWait)); err != nil {
		return 0, fmt.Errorf("set read deadline: %w", err)
	}
	n, err := s.ReadCloser.Read(p)
	if err == nil {
		return n, nil
	}
	// From here on the connection is read only to notice that the client left.
	if clearErr := s.control.SetReadDeadline(time.Time{}); clearErr != nil && err == io.EOF {
		return n, fmt.Errorf("clear read deadline: %w", clearErr)
	}
	return n, err
}

// mediaType returns the content type without its parameters; a request that
// names none is taken for JSON.
func mediaType(r *http.Request) string {
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

func wrongType(r *http.Request, right ...string) *fault {
	return &fault{
		Status: http.StatusUnsupportedMediaType, Code: "invalid_request",
		Message: fmt.Sprintf("The content type is %.60q: send %s.", mediaType(r), strings.Join(right, " or ")),
	}
}

// jsonBody reads a whole JSON body.
func jsonBody(c *call) ([]byte, error) {
	if mediaType(c.Request) != "application/json" {
		return nil, wrongType(c.Request, "application/json")
	}
	return wholeBody(c)
}

func wholeBody(c *call) ([]byte, error) {
	body, err := io.ReadAll(c.Body)
	if err != nil {
		return nil, readFault(err)
	}
	if !utf8.Valid(body) {
		return nil, invalid("", "The body is not UTF-8: encode it as UTF-8.")
	}
	return body, nil
}

// readFault tells a body that is too large from one that broke off.
func readFault(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return &fault{
		Status: http.StatusRequestTimeout, Code: "invalid_request", err: err,
		Message: "The body broke off or came too slowly: send it again.",
	}
}

// objectBody reads a JSON body that may be missing, which stands for {}.
func objectBody(c *call) ([]byte, error) {
	if c.ContentLength == 0 {
		return []byte("{}"), nil
	}
	body, err := jsonBody(c)
	if err == nil && len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	return body, err
}

// decode reads an object of known fields. Its error says what is wrong, and
// where.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return decodeFault(body, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return invalid("", "There is something behind the JSON object: send one object alone.")
	}
	return nil
}

func decodeFault(body []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return invalid("", "The body is empty: send a JSON object.")
	case errors.As(err, &syntax):
		line, column := position(body, syntax.Offset)
		return invalid("", "The body is not JSON: %v at line %d, column %d.", err, line, column)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return invalid("", "The body is not JSON: it ends too early.")
	case errors.As(err, &kind):
		return invalid(kind.Field, "%s is a %s: it has to be %s.", nameOf(kind.Field), kind.Value,
			article(kind.Type.Kind().String()))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return invalid(name, "There is no field %q here: remove it, it would be ignored.", name)
	}
	return invalid("", "The body is not what this route takes: %v.", err)
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
