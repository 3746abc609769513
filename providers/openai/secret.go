package openai

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxMessage bounds the vendor's words in an error, in bytes.
const maxMessage = 500

// shortestKey keeps a toy key, such as a word, from being cut out of messages.
const shortestKey = 8

// keyLike finds what looks like a credential, should the vendor repeat one.
var keyLike = regexp.MustCompile(
	`(?i)\bbearer\s+[^\s"',]+|\b(?:gsk|sk|tgp|dl|pat|key)[-_][A-Za-z0-9_\-*]{8,}` +
		`|(?:X-Goog-|X-Amz-)?Signature=[^&\s"]+`)

// scrub takes credentials out of a message and cuts it.
func (c *Client) scrub(message string) string {
	if key := c.dialect.Key; len(key) >= shortestKey {
		message = strings.ReplaceAll(message, key, "[key]")
	}
	message = keyLike.ReplaceAllString(message, "[key]")
	if len(message) <= maxMessage {
		return message
	}
	cut := maxMessage
	for cut > 0 && !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut]
}
