package tune

import "regexp"

// secretForms are the forms of what must not leave the house. Dreams mask it; this
// is the second look before upload.
var secretForms = []*regexp.Regexp{
	regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY`),
	regexp.MustCompile(`\b(sk|pk|rk|dl|gsk|tgp|xox[abp])[-_][A-Za-z0-9_-]{16,}`), // keys of vendors
	regexp.MustCompile(`\b(AKIA|ASIA)[A-Z0-9]{16}\b`),                            // AWS
	regexp.MustCompile(`\bgh[oprsu]_[A-Za-z0-9]{30,}`),                           // GitHub
	regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.`),          // a JSON web token
	regexp.MustCompile(`(?i)\b(password|passwd|api[_ -]?key)\s*[:=]\s*[^\s<\[]{6,}`),
	regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}`),
}

var digits = regexp.MustCompile(`\b\d(?:[ -]?\d){12,18}\b`)

// hasSecret tells whether a secret or personal data is left in a text: a key, a
// password, an e-mail address or a payment card's number.
func hasSecret(text string) bool {
	for _, pattern := range secretForms {
		if pattern.MatchString(text) {
			return true
		}
	}
	for _, number := range digits.FindAllString(text, -1) {
		if luhn(number) {
			return true
		}
	}
	return false
}

// luhn checks the digit that ends a card's number (ISO/IEC 7812-1).
func luhn(number string) bool {
	sum, double := 0, false
	for i := len(number) - 1; i >= 0; i-- {
		if number[i] < '0' || number[i] > '9' {
			continue
		}
		d := int(number[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return sum%10 == 0
}
