package together

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/store/money"
)

// moment is a time in any form that Together sends: RFC 3339, unix seconds, or
// null. Anything else is the zero time, never an error: a poll of a training
// must not fail because a clock is written otherwise.
type moment struct{ time.Time }

// UnmarshalJSON never fails.
func (m *moment) UnmarshalJSON(data []byte) error {
	m.Time = time.Time{}
	text := strings.Trim(string(data), `"`)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < 1e11 {
		m.Time = time.Unix(int64(seconds), 0).UTC()
		return nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		m.Time = at.UTC()
	}
	return nil
}

// count is a whole number that may come as 12, 12.0, "12" or null. Anything
// else is zero, as with moment.
type count int64

// UnmarshalJSON never fails.
func (c *count) UnmarshalJSON(data []byte) error {
	*c = 0
	number, err := strconv.ParseFloat(string(bytes.Trim(data, `"`)), 64)
	if err == nil && number > -1e18 && number < 1e18 {
		*c = count(number)
	}
	return nil
}

// price reads an amount of a unit worth so many nano-dollars.
func price(amount json.Number, unit int64) (int64, error) {
	if amount == "" {
		return 0, nil
	}
	return money.ParsePrice(amount.String(), unit)
}

// garbled is the error of an answer that does not hold what it must.
func garbled(message string, err error) *providers.Error {
	return &providers.Error{
		Kind: providers.KindServer, Provider: name, Message: message,
		Charge: providers.ChargeUnknown, Err: err,
	}
}

// invalid is the error of a call that can not be made as it is.
func invalid(param, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindInvalid, Provider: name, Param: param, Message: message,
		Charge: providers.ChargeNone,
	}
}
