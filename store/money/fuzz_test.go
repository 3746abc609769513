package money

import (
	"math/big"
	"testing"
)

// FuzzParse reads amounts: what is taken is the exact amount, rounded down as money and up as a price, and comes back
// as it is written.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"0", "12.50", "0.0375", "1.2e-05", "9223372036.854775807", "9223372036.854775808", "1e18",
		"-1", "1e999999999", ".5", "1.", "0x10", "1_000", "١", "NaN", "0.0000000001", "1e-99"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		amount, err := Parse(text)
		price, priceErr := ParsePrice(text, Dollar)
		if (err == nil) != (priceErr == nil) {
			t.Fatalf("%q is money: %v, and a price: %v", text, err, priceErr)
		}
		if err != nil {
			return
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok || amount < 0 {
			t.Fatalf("%q was read as %d", text, amount)
		}
		exact.Mul(exact, big.NewRat(Dollar, 1))
		below, above := new(big.Rat).SetInt64(int64(amount)), new(big.Rat).SetInt64(price)
		apart := new(big.Rat).Sub(above, below)
		if below.Cmp(exact) > 0 || above.Cmp(exact) < 0 || apart.Cmp(big.NewRat(1, 1)) > 0 {
			t.Fatalf("%q is between %d and %d", text, amount, price)
		}
		if again, err := Parse(amount.String()); err != nil || again != amount {
			t.Fatalf("%d is written as %s, which is %d, %v", amount, amount, again, err)
		}
	})
}
