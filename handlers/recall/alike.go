package recall

import (
	"strings"
	"unicode"
)

// How much of their words two lessons share to say the same. Pairs of letters share
// less than words do: one letter more or less changes up to three of them.
const (
	sameWords = 0.8
	samePairs = 0.6
)

// Alike tells lessons that say the same, or nearly.
func Alike(a, b string) bool {
	share, needed := overlap(a, b)
	return share >= needed
}

// Likeness is the share of what two lessons both have of what either has, from 0 to 1: in
// words, or in pairs of letters where a script has no spaces.
func Likeness(a, b string) float64 {
	share, _ := overlap(a, b)
	return share
}

// overlap returns the likeness, and how much of it makes two lessons the same.
func overlap(a, b string) (share, needed float64) {
	left, pairsLeft := terms(a)
	right, pairsRight := terms(b)
	both := 0
	for term := range left {
		if right[term] {
			both++
		}
	}
	needed = sameWords
	if pairsLeft && pairsRight {
		needed = samePairs
	}
	either := len(left) + len(right) - both
	return float64(both) / float64(max(either, 1)), needed
}

// unspaced are the scripts that write words without spaces between them.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

func isUnspaced(r rune) bool { return unicode.In(r, unspaced...) }

// terms returns a text's words in lower case, and in place of words without spaces
// between them their pairs of letters. It tells whether most terms are such pairs.
func terms(text string) (set map[string]bool, inPairs bool) {
	set = map[string]bool{}
	pairs := 0
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), outsideWord) {
		letters := []rune(word)
		if len(letters) == 1 || !strings.ContainsFunc(word, isUnspaced) {
			set[word] = true
			continue
		}
		for i := range len(letters) - 1 {
			if pair := string(letters[i : i+2]); !set[pair] {
				set[pair] = true
				pairs++
			}
		}
	}
	return set, 2*pairs > len(set)
}

// outsideWord tells what stands between words. Marks belong to them: Thai writes
// vowels and tones so.
func outsideWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}
