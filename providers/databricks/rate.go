package databricks

import (
	"fmt"
	"math/big"
	"strings"

	"dreamlab/store/money"
)

// rate is what an hour of some hardware costs.
type rate struct {
	hardware string // "" where there is one kind alone
	nano     int64  // nano-dollars an hour
}

// rates are by the beginnings of the names of bases.
type rates map[string]rate

// of returns the rate of the longest beginning of a base's name.
func (rs rates) of(base string) (found rate, ok bool) {
	longest := -1
	for prefix, r := range rs {
		if strings.HasPrefix(base, prefix) && len(prefix) > longest {
			found, ok, longest = r, true, len(prefix)
		}
	}
	return found, ok
}

// parseRates reads prefix=hardware/DBU or prefix=DBU, several by commas, at so many dollars
// for a DBU.
func parseRates(setting, text, dollars string) (rates, error) {
	unit, err := money.ParsePrice(dollars, money.Dollar)
	if err != nil || unit <= 0 {
		return nil, fmt.Errorf("%s: %q is no price: write dollars, as 0.07", envUnit, dollars)
	}
	pairs, err := parsePairs(setting, text)
	if err != nil {
		return nil, err
	}
	known := rates{}
	for prefix, value := range pairs {
		at := strings.LastIndexByte(value, '/')
		nano, ok := nanoOf(value[at+1:], unit)
		if !ok {
			return nil, fmt.Errorf("%s: %q tells no DBU an hour", setting, value)
		}
		known[prefix] = rate{hardware: value[:max(at, 0)], nano: nano}
	}
	return known, nil
}

// nanoOf multiplies some DBU by the price of one, rounded up to a nano-dollar.
func nanoOf(units string, unit int64) (int64, bool) {
	amount, err := money.ParsePrice(units, money.Dollar) // in billionths, as money is
	if err != nil || amount <= 0 {
		return 0, false
	}
	product := new(big.Int).Mul(big.NewInt(amount), big.NewInt(unit))
	product.Add(product, big.NewInt(int64(money.Dollar)-1)).Div(product, big.NewInt(int64(money.Dollar)))
	return product.Int64(), product.IsInt64()
}
