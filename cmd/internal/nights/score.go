package nights

import (
	"strings"
	"unicode"
)

// f1 is the share of words that an answer and a reference have in common, from 0 to 1: the token F1
// of question answering (Rajpurkar and others 2016, https://arxiv.org/abs/1606.05250).
func f1(answer, reference string) float64 {
	given, right := tokens(answer), tokens(reference)
	left := map[string]int{}
	for _, word := range right {
		left[word]++
	}
	both := 0
	for _, word := range given {
		if left[word] > 0 {
			left[word]--
			both++
		}
	}
	return 2 * float64(both) / float64(max(len(given)+len(right), 1))
}

func tokens(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
