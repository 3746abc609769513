package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"dreamlab/store/plainjson"
)

// writeWait is how long a client may take to accept what is written to it.
const writeWait = 30 * time.Second

// ErrCut means that a reply broke off after it had begun: its connection is to
// break off, too.
var ErrCut = errors.New("the reply broke off")

// Write answers with a whole body.
func Write(w http.ResponseWriter, status int, contentType string, body []byte) error {
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return fmt.Errorf("set write deadline: %w", err)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	return nil
}

// WriteJSON answers with an object.
func WriteJSON(w http.ResponseWriter, status int, object any) error {
	body, err := plainjson.Encode(object)
	if err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	return Write(w, status, "application/json", append(body, '\n'))
}

// Share is a count of ten-thousandths, shown in JSON as a number: 0.5125.
type Share int64

// MarshalJSON writes the share without a float between.
func (s Share) MarshalJSON() ([]byte, error) { return Decimal(int64(s), 4), nil }

// Thousand is a count of thousandths, shown in JSON as a number: 0.75.
type Thousand int64

// MarshalJSON writes the number without a float between.
func (t Thousand) MarshalJSON() ([]byte, error) { return Decimal(int64(t), 3), nil }

// Decimal writes n / 10^places without trailing zeros.
func Decimal(n int64, places int) []byte {
	digits := strconv.FormatUint(magnitude(n), 10)
	for len(digits) <= places {
		digits = "0" + digits
	}
	whole, part := digits[:len(digits)-places], digits[len(digits)-places:]
	for part != "" && part[len(part)-1] == '0' {
		part = part[:len(part)-1]
	}
	out := make([]byte, 0, len(digits)+2)
	if n < 0 {
		out = append(out, '-')
	}
	out = append(out, whole...)
	if part == "" {
		return out
	}
	return append(append(out, '.'), part...)
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// Seconds returns an instant as unix seconds, and null for none.
func Seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(t.Unix())
}

// OrNull returns null for an empty text.
func OrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// RawOr returns stored JSON, or another where there is none.
func RawOr(raw json.RawMessage, none string) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage(none)
	}
	return raw
}

// Some returns an empty list instead of null.
func Some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Patient gives each write a deadline of its own, so that a client that stops
// reading is let go.
type Patient struct {
	io.Writer
	control *http.ResponseController
}

// NewPatient returns a patient writer to a client.
func NewPatient(w http.ResponseWriter) Patient { return Patient{w, http.NewResponseController(w)} }

// Write passes bytes on.
func (p Patient) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return 0, fmt.Errorf("set write deadline: %w", err)
	}
	return p.Writer.Write(b)
}
