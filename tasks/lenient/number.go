package lenient

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Number is a JSON number that may also stand as text, as "0.9" for 0.9. null leaves
// it as it was.
type Number float64

// UnmarshalJSON reads the number. Infinity and what is no number are refused.
func (n *Number) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if text == "null" {
		return nil
	}
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return fmt.Errorf("%.40q is no number", text)
	}
	*n = Number(value)
	return nil
}
