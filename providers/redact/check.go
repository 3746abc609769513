package redact

import (
	"math/big"
	"strings"
)

// checked masks the longest part of what was found that holds its check digits:
// "4111 1111 1111 1111 12/26" goes on with digits that are none of the card's.
func checked(valid func(string) bool, mark string) func(string) string {
	return func(found string) string {
		starts, ends := groups(found)
		for _, start := range starts {
			for i := len(ends) - 1; i >= 0; i-- {
				if ends[i] > start && valid(found[start:ends[i]]) {
					return found[:start] + mark + found[ends[i]:]
				}
			}
		}
		return found
	}
}

// groups returns where the groups of a number begin and end.
func groups(text string) (starts, ends []int) {
	starts = []int{0}
	for i := range len(text) {
		if text[i] == ' ' || text[i] == '-' {
			starts, ends = append(starts, i+1), append(ends, i)
		}
	}
	return starts, append(ends, len(text))
}

// card holds the length and the check digit of payment cards (ISO/IEC 7812-1, annex B).
func card(text string) bool {
	sum, digits := 0, 0
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		digit := int(text[i] - '0')
		if digits%2 == 1 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
		digits++
	}
	return digits >= 13 && digits <= 19 && sum > 0 && sum%10 == 0
}

// iban holds the form and the check digits of account numbers (ISO 13616:
// remainder 1 by 97).
func iban(text string) bool {
	text = strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	if len(text) < 15 || len(text) > 34 || !letter(text[0]) || !letter(text[1]) || letter(text[2]) || letter(text[3]) {
		return false
	}
	var digits strings.Builder
	for _, r := range text[4:] + text[:4] {
		if r >= 'A' {
			digits.WriteString(big.NewInt(int64(r - 'A' + 10)).String())
			continue
		}
		digits.WriteRune(r)
	}
	number, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && new(big.Int).Mod(number, big.NewInt(97)).Int64() == 1
}

func letter(c byte) bool { return c >= 'A' && c <= 'Z' }
