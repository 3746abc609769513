package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// writeWait is how long a client may take to accept what is written to it.
const writeWait = 30 * time.Second

// write answers with a whole body.
func write(w http.ResponseWriter, status int, contentType string, body []byte) error {
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

// writeJSON answers with an object.
func writeJSON(w http.ResponseWriter, status int, object any) error {
	body, err := plainJSON(object)
	if err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	return write(w, status, "application/json", append(body, '\n'))
}

// plainJSON encodes without HTML's escapes, which nobody here needs: a < stays
// what it is.
func plainJSON(object any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// usd is an amount in nano-dollars, shown in JSON as a number of dollars with
// at most nine decimals, exactly.
type usd int64

// MarshalJSON writes the amount without a float between.
func (u usd) MarshalJSON() ([]byte, error) { return decimal(int64(u), 9), nil }

// share is a count of ten-thousandths, shown in JSON as a number: 0.5125.
type share int64

// MarshalJSON writes the share without a float between.
func (s share) MarshalJSON() ([]byte, error) { return decimal(int64(s), 4), nil }

// thousand is a count of thousandths, shown in JSON as a number: 0.75.
type thousand int64

// MarshalJSON writes the number without a float between.
func (t thousand) MarshalJSON() ([]byte, error) { return decimal(int64(t), 3), nil }

// decimal writes n / 10^places without trailing zeros.
func decimal(n int64, places int) []byte {
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

// seconds returns an instant as unix seconds, and null for none.
func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(t.Unix())
}

// orNull returns null for an empty text.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// rawOr returns stored JSON, or another where there is none.
func rawOr(raw json.RawMessage, none string) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage(none)
	}
	return raw
}
