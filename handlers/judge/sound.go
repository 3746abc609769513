package judge

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
)

// plainNumber is a number without a sign, and signs are those of arithmetic.
const (
	plainNumber = `[$€£]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?`
	signs       = `(?:[-+*/×÷]|x\b)`
)

var (
	// sums are numbers with signs alone between them, and their result: "16 - 3 - 4 = 9".
	sums    = regexp.MustCompile(`(` + plainNumber + `(?:\s*` + signs + `\s*` + plainNumber + `)+)\s*=\s*(-?\s?` + plainNumber + `)`)
	numbers = regexp.MustCompile(plainNumber)
	term    = regexp.MustCompile(plainNumber + `|` + signs)
	// What stands before and behind a sum that is a part of a longer one, or of a word.
	ahead  = regexp.MustCompile(`(?i)(?:[\p{L}_]|\d\s*|[-+*/×÷=^%()\[\]{}.,:√]\s*|\b(?:of|x|times|plus|minus|by|over)\s+)$`)
	behind = regexp.MustCompile(`(?i)^(?:[.,]?\d|\s*(?:[-+*/×÷^%(:x\d]|mod\b|r(?:emainder)?\b|[ap]\.?m\b|o'clock))`)
	// thousands are parted by a space in some numbers.
	thousands = regexp.MustCompile(`(\d) (\d{3})\b`)
)

// Sound tells whether an answer's own arithmetic holds: none of its sums is false, and a whole number after "####"
// is one that the working before it comes to. It says nothing of what the answer is about.
func Sound(answer string) bool {
	answer = thousands.ReplaceAllString(normal(answer), "$1$2")
	for _, at := range sums.FindAllStringSubmatchIndex(answer, -1) {
		if ahead.MatchString(answer[max(0, at[0]-near):at[0]]) || behind.MatchString(answer[at[1]:]) {
			continue
		}
		if !holds(answer[at[2]:at[3]], answer[at[4]:at[5]]) {
			return false
		}
	}
	return reached(answer)
}

// near is how many bytes before a sum may make it a part of a longer one.
const near = 24

// holds tells whether an expression comes to a result. One that is no whole number may be rounded.
func holds(expression, result string) bool {
	value, ok := evaluate(term.FindAllString(expression, -1))
	said, readable := amount(result)
	if !ok || !readable {
		return true
	}
	if value.IsInt() {
		return value.Cmp(said) == 0
	}
	_, decimals, _ := strings.Cut(result, ".")
	unit := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(decimals))), nil))
	off := new(big.Rat).Sub(value, said)
	return off.Abs(off).Cmp(unit) < 0
}

// evaluate calculates numbers and signs in turn, products before sums.
func evaluate(terms []string) (*big.Rat, bool) {
	total, product := new(big.Rat), new(big.Rat)
	sign := "+"
	for i := 0; i < len(terms); i += 2 {
		value, ok := amount(terms[i])
		if !ok || sign == "/" && value.Sign() == 0 {
			return nil, false
		}
		switch sign {
		case "+":
			total.Add(total, product)
			product.Set(value)
		case "-":
			total.Add(total, product)
			product.Neg(value)
		case "*":
			product.Mul(product, value)
		case "/":
			product.Quo(product, value)
		}
		if i+1 < len(terms) {
			sign = plainSign.Replace(terms[i+1])
		}
	}
	return total.Add(total, product), true
}

var plainSign = strings.NewReplacer("×", "*", "x", "*", "÷", "/")

// amount reads a number of a sum.
func amount(text string) (*big.Rat, bool) {
	if len(text) > maxNumber {
		return nil, false
	}
	return new(big.Rat).SetString(unmarked.Replace(text))
}

var unmarked = strings.NewReplacer(",", "", " ", "", "$", "", "€", "", "£", "")

// equals finds what something comes to, with units on its left or without.
var equals = regexp.MustCompile(`=\s*-?\s*(` + plainNumber + `)`)

// reached tells whether working before "####" comes to the whole number that follows on it: it stands behind an equals
// sign, or is one of the last two numbers.
func reached(answer string) bool {
	marks := final.FindAllStringSubmatchIndex(answer, -1)
	if marks == nil {
		return true
	}
	last := marks[len(marks)-1]
	said, ok := amount(numbers.FindString(answer[last[2]:last[3]]))
	if !ok || !said.IsInt() {
		return true
	}
	working := answer[:last[0]]
	results := equals.FindAllStringSubmatch(working, -1)
	if results == nil {
		return true // it does not calculate
	}
	all := numbers.FindAllString(working, -1)
	candidates := all[max(0, len(all)-2):]
	for _, result := range results {
		candidates = append(candidates, result[1])
	}
	return slices.ContainsFunc(candidates, func(found string) bool {
		one, ok := amount(found)
		return ok && one.Cmp(said) == 0
	})
}
