package model

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// sentences cuts a text at line ends and after full stops. It takes the first
// of those that are there more than once, and of very many the first.
func sentences(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		start := 0
		for i, r := range line {
			ends := strings.ContainsRune(".!?", r) && i+1 < len(line) && unicode.IsSpace(rune(line[i+1]))
			if ends {
				out = appendText(out, line[start:i+1])
				start = i + 1
			}
		}
		out = appendText(out, line[start:])
	}
	return out
}

func appendText(out []string, text string) []string {
	text = strings.TrimSpace(text)
	if text == "" || len(out) >= maxList || slices.Contains(out, text) {
		return out
	}
	return append(out, text)
}

// extracts returns a text's sentences, the one most like a whole first.
func extracts(text, whole string) []string {
	list := sentences(text)
	other := words(whole)
	likeness := make(map[string]float64, len(list))
	for _, sentence := range list {
		likeness[sentence] = overlap(words(sentence), other)
	}
	slices.SortStableFunc(list, func(a, b string) int {
		return -cmp.Compare(likeness[a], likeness[b])
	})
	return list
}

// clip shortens a text to so many characters, at a space where there is one.
func clip(text string, limit int) string {
	runes := []rune(text)
	if limit < 0 || len(runes) <= limit {
		return text
	}
	cut := string(runes[:limit])
	if unicode.IsSpace(runes[limit]) {
		return cut
	}
	if at := strings.LastIndexByte(cut, ' '); at > len(cut)/2 {
		return cut[:at]
	}
	return cut
}
