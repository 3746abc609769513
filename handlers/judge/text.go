package judge

import "strings"

// opening is the length of the beginning of an answer that is matched, in bytes.
const opening = 300

// Refusal tells whether an answer declines to answer. It looks for the words with which models
// decline in the answer's opening, so an apology, or a question asked back, is no refusal.
func Refusal(text string) bool {
	start := opened(text)
	for _, pattern := range refusals {
		if pattern.MatchString(start) {
			return true
		}
	}
	return false
}

// ErrorText tells whether an answer is the text of an error (a status line, a stack trace, an
// error object, an HTML page).
func ErrorText(text string) bool {
	start := opened(text)
	for _, pattern := range faults {
		if pattern.MatchString(start) {
			return true
		}
	}
	return false
}

func opened(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > opening {
		text = strings.ToValidUTF8(text[:opening], "")
	}
	return strings.ToLower(strings.ReplaceAll(normal(text), "\u2019", "'"))
}
