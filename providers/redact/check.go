package redact

import (
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// checked finds the longest part of what was found that holds its check digits:
// "4111 1111 1111 1111 12/26" goes on with digits that are none of the card's.
func checked(valid func(string) bool) func(string) (int, int, bool) {
	return func(found string) (int, int, bool) {
		starts, ends := groups(found)
		for _, start := range starts {
			for i := len(ends) - 1; i >= 0; i-- {
				if ends[i] > start && valid(found[start:ends[i]]) {
					return start, ends[i], true
				}
			}
		}
		return 0, 0, false
	}
}

// but returns the pattern without what a test refuses.
func (p pattern) but(refused func(string) bool) pattern {
	p.find = func(found string) (int, int, bool) { return 0, len(found), !refused(found) }
	return p
}

// notPublic tells whether an address names nobody: it is a private network's, or a version.
func notPublic(text string) bool {
	address, err := netip.ParseAddr(text)
	return err != nil || address.IsPrivate() || !address.IsGlobalUnicast() || address.As4()[0] < firstOctet
}

// firstOctet is the least first number that is taken for an address: "1.2.10.3" is rather a version.
const firstOctet = 11

// countsStreets tells "5 miles of road" and "2 way street" from the number of a house.
func countsStreets(text string) bool { return notHouse.MatchString(text) }

var notHouse = regexp.MustCompile(`(?i)^\d+ (?:way|lane|miles?|km|kilomet(?:er|re)s?|m|met(?:er|re)s?|feet|minutes?|hours?|days?|` +
	`blocks?|more|other|different|people|men|cars|of|on|from|down|per|and|or|to|in|at|the|by|along)\b`)

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

// dni holds the check letter of Spanish identity numbers (Real Decreto 1553/2005, article 11).
func dni(text string) bool {
	const letters = "TRWAGMYFPDXBNJZSQVHLCKE"
	text = strings.ReplaceAll(text, "-", "")
	if len(text) != 9 {
		return false
	}
	first := strings.IndexByte("XYZ", text[0])
	digits := text[:8]
	if first >= 0 {
		digits = strconv.Itoa(first) + text[1:8]
	}
	number, err := strconv.Atoi(digits)
	return err == nil && letters[number%len(letters)] == text[8]
}

// nir holds the check digits of French social security numbers (97 less the remainder by 97).
func nir(text string) bool {
	text = strings.ReplaceAll(text, " ", "")
	if len(text) != 15 {
		return false
	}
	number, err := strconv.ParseInt(text[:13], 10, 64)
	check, fault := strconv.ParseInt(text[13:], 10, 64)
	return err == nil && fault == nil && check == 97-number%97
}

// resident holds the check digit of Chinese identity numbers (GB 11643-1999).
func resident(text string) bool {
	if len(text) != 18 {
		return false
	}
	sum, weight := 0, 1
	for i := 16; i >= 0; i-- {
		weight = weight * 2 % 11
		sum += int(text[i]-'0') * weight
	}
	return "10X98765432"[sum%11] == text[17]
}
