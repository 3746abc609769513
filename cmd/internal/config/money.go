package config

import (
	"fmt"
	"math/big"
	"strings"

	"dreamlab/providers"

	"gopkg.in/yaml.v3"
)

// USD is an amount of dollars, held as nano-dollars and written as a decimal.
type USD int64

// UnmarshalYAML reads a decimal such as 12.50.
func (u *USD) UnmarshalYAML(node *yaml.Node) error {
	nano, err := providers.ParseMoney(node.Value, providers.Dollar)
	if err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %v", node.Line, err)}}
	}
	*u = USD(nano)
	return nil
}

// MarshalYAML writes the decimal.
func (u USD) MarshalYAML() (any, error) { return u.String(), nil }

// String returns the amount as a decimal without trailing zeros.
func (u USD) String() string {
	text := new(big.Rat).SetFrac64(int64(u), providers.Dollar).FloatString(9)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
