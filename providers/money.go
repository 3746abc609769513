package providers

import (
	"fmt"
	"math/big"
	"regexp"
)

// Units of money, in nano-dollars.
const (
	Dollar int64 = 1_000_000_000
	Cent   int64 = 10_000_000
)

// amount bounds the exponent, since big.Rat would write 1e999999999 out.
var amount = regexp.MustCompile(`^[0-9]{1,18}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$`)

// ParseMoney reads a decimal amount, such as "0.0375" or "1.2e-05", of a unit
// that is worth so many nano-dollars, and rounds up. It fails on anything that
// is no amount, is negative or is too large for an int64.
func ParseMoney(text string, unit int64) (int64, error) {
	if !amount.MatchString(text) {
		return 0, fmt.Errorf("read the amount %.40q: write a plain decimal such as 0.15", text)
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, fmt.Errorf("read the amount %.40q: write a plain decimal such as 0.15", text)
	}
	value.Mul(value, new(big.Rat).SetInt64(unit))
	nano, rest := new(big.Int).QuoRem(value.Num(), value.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		nano.Add(nano, big.NewInt(1))
	}
	if !nano.IsInt64() {
		return 0, fmt.Errorf("read the amount %.40q: it is too large", text)
	}
	return nano.Int64(), nil
}
