package model

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// runesPerToken is the usual rule of thumb for English.
const runesPerToken = 4

// CountTokens returns how many tokens the sandbox's vendors bill for a text:
// one for every four characters begun.
func CountTokens(text string) int64 {
	return int64((utf8.RuneCountInString(text) + runesPerToken - 1) / runesPerToken)
}

// cutTokens returns the part of a text that fits, and whether it was cut.
func cutTokens(text string, limit int64) (string, bool) {
	if limit <= 0 || CountTokens(text) <= limit {
		return text, false
	}
	runes := []rune(text)
	return string(runes[:limit*runesPerToken]), true
}

// words returns the text's runs of letters and digits, in lower case, with
// apostrophes inside words left out.
func words(text string) []string {
	text = strings.NewReplacer("'", "", "’", "").Replace(strings.ToLower(text))
	return strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// Likeness is the token F1 of two texts: the share of words that they have in
// common, from 0 to 1 (as in SQuAD, https://arxiv.org/abs/1606.05250).
func Likeness(a, b string) float64 { return overlap(words(a), words(b)) }

func overlap(a, b []string) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	counts := make(map[string]int, len(a))
	for _, word := range a {
		counts[word]++
	}
	common := 0
	for _, word := range b {
		if counts[word] > 0 {
			counts[word]--
			common++
		}
	}
	return 2 * float64(common) / float64(len(a)+len(b))
}
