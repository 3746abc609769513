package handlers

import (
	"encoding/json"
	"fmt"
	"strings"
)

// USD shows nano-dollars as an exact decimal number of dollars, as JSON.
func USD(nano int64) json.Number {
	sign := ""
	if nano < 0 {
		sign, nano = "-", -nano
	}
	text := fmt.Sprintf("%s%d.%09d", sign, nano/1_000_000_000, nano%1_000_000_000)
	return json.Number(strings.TrimSuffix(strings.TrimRight(text, "0"), "."))
}
