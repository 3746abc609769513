package redact

import (
	"regexp"
	"strings"
	"unicode"
)

// named finds a value that is called a secret: "password is …", "api_key=…".
var named = regexp.MustCompile(`(?i)(?:\b|_)(?:password|passwd|pwd|passphrase|passwort|kennwort|api[ _-]?key|` +
	`secret[ _-]?key|client[ _-]?secret|access[ _-]?token)["']?` +
	`(?:\s+(?:is|ist)\s*[:=]?\s+|\s*[:=]+>?\s*)["']?([^\s"',;]{6,})`)

// secretValue finds the whole phrase where its value looks chosen.
func secretValue(found string) (start, end int, ok bool) {
	value := named.FindStringSubmatch(found)
	return 0, len(found), value == nil || chosen(value[1])
}

const (
	// around are signs that a sentence or code puts around a value.
	around = `.,:!?()[]{}<>*$%"'` + "`"
	// between are signs that join words: "case-sensitive", "process.env.API_KEY".
	between = `-_./:'’()[]{}<>\`
	// yearDigits is the length of a number that says how long or how old a secret is.
	yearDigits = 4
)

// terms look chosen, and are words of the trade.
var terms = map[string]bool{
	"base64": true, "sha1": true, "sha256": true, "sha512": true, "md5": true, "rs256": true, "hs256": true,
	"ed25519": true, "x509": true, "oauth": true, "oauth2": true, "github": true, "gitlab": true, "openai": true,
}

// chosen tells a secret's value from what a sentence says of it ("the password is
// incorrect", "… is case-sensitive"), and from a placeholder: somebody chose or
// drew it, so it has a digit, a sign or a capital letter inside of a word.
func chosen(value string) bool {
	words := strings.FieldsFunc(strings.Trim(value, around), func(r rune) bool {
		return strings.ContainsRune(between, r)
	})
	for _, word := range words {
		if !plain(word) {
			return true
		}
	}
	return false
}

// plain tells a word, written as words are, and a small number.
func plain(word string) bool {
	if terms[strings.ToLower(word)] {
		return true
	}
	letters, digits, others, upper, inner := 0, 0, 0, 0, 0
	for i, r := range word {
		switch {
		case unicode.IsLetter(r) || unicode.IsMark(r):
			letters++
		case unicode.IsDigit(r):
			digits++
		default:
			others++
		}
		if unicode.IsUpper(r) {
			upper++
			if i > 0 {
				inner++
			}
		}
	}
	if digits > 0 {
		return letters+others == 0 && digits <= yearDigits
	}
	return others == 0 && (inner == 0 || upper == letters)
}
