// Package money holds amounts of US dollars as whole nano-dollars, and reads and
// writes them as decimals. No float stands between. It imports nothing of ours, and
// every room may import it.
package money

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Units of money, in nano-dollars.
const (
	Dollar = 1_000_000_000
	Cent   = 10_000_000
)

// USD is an amount in nano-dollars. It is written as a decimal number of dollars with
// at most nine places, exactly.
type USD int64

// decimal bounds the exponent, since big.Rat would write 1e999999999 out.
var decimal = regexp.MustCompile(`^[0-9]{1,18}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$`)

// Parse reads dollars, such as "12.50", and rounds down: a budget is never widened.
func Parse(text string) (USD, error) {
	nano, _, err := parse(text, Dollar)
	return USD(nano), err
}

// ParsePrice reads a decimal amount, such as "0.0375" or "1.2e-05", of a unit
// that is worth so many nano-dollars, and rounds up: nothing is counted cheaper than
// it is. As [Parse] does, it fails on anything that is no amount, is negative or is
// too large for an int64.
func ParsePrice(text string, unit int64) (int64, error) {
	nano, rest, err := parse(text, unit)
	if err == nil && rest {
		nano++
	}
	return nano, err
}

// parse returns whole nano-dollars, and whether a part of one is left.
func parse(text string, unit int64) (nano int64, rest bool, err error) {
	if !decimal.MatchString(text) {
		return 0, false, fmt.Errorf("read the amount %.40q: write a plain decimal such as 0.15", text)
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false, fmt.Errorf("read the amount %.40q: write a plain decimal such as 0.15", text)
	}
	value.Mul(value, new(big.Rat).SetInt64(unit))
	whole, part := new(big.Int).QuoRem(value.Num(), value.Denom(), new(big.Int))
	if value.Cmp(largest) > 0 {
		return 0, false, fmt.Errorf("read the amount %.40q: it is too large", text)
	}
	return whole.Int64(), part.Sign() > 0, nil
}

// largest is what an int64 holds.
var largest = new(big.Rat).SetInt64(1<<63 - 1)

// String returns the decimal without trailing zeros.
func (u USD) String() string {
	sign, nano := "", uint64(u)
	if u < 0 {
		sign, nano = "-", -nano
	}
	text := fmt.Sprintf("%s%d.%09d", sign, nano/Dollar, nano%Dollar)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// MarshalJSON writes a number.
func (u USD) MarshalJSON() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalJSON reads what [Parse] reads, as a number or as text.
func (u *USD) UnmarshalJSON(data []byte) (err error) {
	text := string(data)
	if quoted, err := strconv.Unquote(text); err == nil {
		text = quoted
	}
	*u, err = Parse(text)
	return err
}

// MarshalYAML writes the decimal.
func (u USD) MarshalYAML() (any, error) { return u.String(), nil }

// UnmarshalYAML reads what [Parse] reads; its error names the line.
func (u *USD) UnmarshalYAML(node *yaml.Node) (err error) {
	if *u, err = Parse(node.Value); err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %v", node.Line, err)}}
	}
	return nil
}

// Purposes returns what money is spent on, as the books name it.
func Purposes() []string {
	return []string{
		"chat", "embed", "replay", "improve", "critique", "verify", "reflect", "consolidate", "imagine", "anticipate", "solve",
		"evaluate", "shadow", "train", "host",
	}
}
