package providers

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"dreamlab/providers/redact"
)

// MaxMessage bounds the vendor's words in an error, in bytes.
const MaxMessage = 500

// shortestKey keeps a toy key, such as a word, from being cut out of messages.
const shortestKey = 8

// Redact masks a vendor's words, which may repeat a key or a prompt: the given
// secrets, and all that [redact.Log] knows. It cuts them to 500 bytes.
func Redact(words string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) >= shortestKey {
			words = strings.ReplaceAll(words, secret, "[secret]")
		}
	}
	words = redact.Log(words)
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
