package providers

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// MaxMessage bounds the vendor's words in an error, in bytes.
const MaxMessage = 500

// shortestKey keeps a toy key, such as a word, from being cut out of messages.
const shortestKey = 8

// keyLike finds what looks like a credential, should a vendor repeat one.
var keyLike = regexp.MustCompile(
	`(?i)\bbearer\s+[^\s"',]+|\b(?:gsk|sk|tgp|dl|pat|key)[-_][A-Za-z0-9_\-*]{8,}` +
		`|(?:X-Goog-|X-Amz-)?Signature=[^&\s"]+`)

// Redact takes credentials out of a vendor's words, the given ones and all that
// look like one, and cuts them to 500 bytes.
func Redact(words string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) >= shortestKey {
			words = strings.ReplaceAll(words, secret, "[key]")
		}
	}
	words = keyLike.ReplaceAllString(words, "[key]")
	if len(words) <= MaxMessage {
		return words
	}
	cut := MaxMessage
	for cut > 0 && !utf8.RuneStart(words[cut]) {
		cut--
	}
	return words[:cut]
}

// plainWord is a name as vendors give them to errors and parameters.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_.:\[\]-]{1,64}$`)

// plain returns a word that is safe in a log, or "" where it may be a text.
func plain(word string) string {
	if plainWord.MatchString(word) {
		return Redact(word)
	}
	return ""
}
