package dream

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"strings"

	"dreamlab/providers"
)

// secrets are what opens something: the keys of vendors and of ourselves,
// private keys, signed tokens, passwords that are called so.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\z)`),
	regexp.MustCompile(`\b(sk|pk|rk)[-_](live|test|proj|ant|or)?[-_A-Za-z0-9]{20,}`),
	regexp.MustCompile(`\b(gsk_|hf_|tgp_v1_|dapi|gh[pos]_|github_pat_|glpat-|xox[abprs]-|dl-)[-\w]{20,}`),
	regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b`),
	regexp.MustCompile(`\bAIza[-_0-9A-Za-z]{35}`),
	regexp.MustCompile(`\beyJ[-_A-Za-z0-9]{10,}\.eyJ[-_A-Za-z0-9]{10,}\.[-_A-Za-z0-9]*`),
	regexp.MustCompile(`(?i)\bbearer\s+[-._~+/A-Za-z0-9]{20,}=*`),
	regexp.MustCompile(`(?i)\b(password|passwd|passphrase|api[ _-]?key|secret[ _-]?key|access[ _-]?token)` +
		`("|')?\s*(is|:|=)\s*("|')?[^\s"',;]{6,}`),
	regexp.MustCompile(`[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@`),
}

// pattern is a form of personal data, with a check where the form alone does
// not tell.
type pattern struct {
	form  *regexp.Regexp
	check func(string) bool
	mark  string
}

var personal = []pattern{
	{regexp.MustCompile(`(?i)\b[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}\b`), nil, "[email]"},
	{regexp.MustCompile(`\b[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){2,7}( ?[A-Z0-9]{1,4})?\b`), iban, "[iban]"},
	{regexp.MustCompile(`\b\d(?:[ -]?\d){12,18}\b`), luhn, "[card]"},
	{regexp.MustCompile(`\b\d{3}-\d{2}-\d{4}\b`), nil, "[ssn]"},
	{regexp.MustCompile(`\+\d{1,3}[ .\-/]?(\(\d{1,4}\)|\d{1,4})([ .\-/]?\d{2,4}){2,4}\b`), nil, "[phone]"},
	{regexp.MustCompile(`(\(\d{3}\) ?|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b`), nil, "[phone]"},
	{regexp.MustCompile(`\b0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,5}\b`), nil, "[phone]"},
}

// mask takes secrets and personal data out of a text, and tells whether there
// was a secret. It knows forms, not people: names and addresses stay.
func mask(text string) (masked string, secret bool) {
	for _, form := range secrets {
		if form.MatchString(text) {
			secret = true
			text = form.ReplaceAllLiteralString(text, "[secret]")
		}
	}
	for _, p := range personal {
		text = p.form.ReplaceAllStringFunc(text, func(found string) string {
			if p.check != nil && !p.check(found) {
				return found
			}
			return p.mark
		})
	}
	return text, secret
}

// luhn holds the check digit of payment cards (ISO/IEC 7812-1, annex B).
func luhn(text string) bool {
	sum, double := 0, false
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		digit := int(text[i] - '0')
		if double {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum, double = sum+digit, !double
	}
	return sum > 0 && sum%10 == 0
}

// iban holds the check digits of account numbers (ISO 13616: remainder 1 by 97).
func iban(text string) bool {
	text = strings.ReplaceAll(text, " ", "")
	if len(text) < 15 || len(text) > 34 {
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

// maskMessages masks what messages say, and the tools that they call. It
// returns nothing for what is no list of messages.
func maskMessages(raw json.RawMessage) json.RawMessage {
	var messages []providers.Message
	if json.Unmarshal(raw, &messages) != nil {
		return nil
	}
	for i := range messages {
		m := &messages[i]
		m.Content, m.ToolCalls = maskJSON(m.Content), maskJSON(m.ToolCalls)
	}
	return encode(messages)
}

// maskJSON masks every text in a JSON value.
func maskJSON(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return raw
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	return encode(maskValue(value))
}

func maskValue(value any) any {
	switch v := value.(type) {
	case string:
		masked, _ := mask(v)
		return masked
	case []any:
		for i := range v {
			v[i] = maskValue(v[i])
		}
	case map[string]any:
		for key, inner := range v {
			if key != "url" { // a picture's data is no text
				v[key] = maskValue(inner)
			}
		}
	}
	return value
}
