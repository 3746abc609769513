package alike

import (
	"slices"
	"strings"
	"unicode"
)

// opposed are words on which the meaning of a question turns, and which its vector hardly shows.
var opposed = wordSet(`not no never without none nor neither cannot nothing nobody unless except only least most
	more less fewer larger smaller bigger higher lower greater before after above below over under increase decrease
	enable disable enabled disabled on off first last min max minimum maximum buy sell add remove start stop open close
	import export up down left right true false yes left old new cheapest dearest oldest newest best worst
	highest lowest largest smallest longest shortest same different today tomorrow yesterday with
	nicht kein keine keinen nie ohne mehr weniger vor nach pas sans jamais plus moins avant après sin nunca más menos`)

// starters begin sentences without being names.
var starters = wordSet(`a an the what who whom whose when where which why how is are was were am be do does did can could
	should would will shall may might must have has had i you he she it we they my your his her its our their this that
	these those there here if in on at to for from of with by and or but so as please tell give show list write explain
	describe name find compute calculate translate summarize compare hello hi hey thanks ok okay let is isn't aren't
	don't doesn't didn't can't couldn't won't wouldn't shouldn't suppose given assume define say make help need want`)

func wordSet(text string) map[string]bool {
	all := map[string]bool{}
	for _, word := range strings.Fields(text) {
		all[word] = true
	}
	return all
}

// marks are the parts of a question that have to be the same: numbers, words that turn the meaning, names,
// and whatever is no plain word, as a path or an identifier. They are sorted, and each counts as often as
// it is there.
func marks(text string) []string {
	var all []string
	begins := true // a sentence
	for _, raw := range strings.Fields(strings.ReplaceAll(text, "’", "'")) {
		word := strings.TrimFunc(raw, func(r rune) bool { return unicode.IsPunct(r) && r != '%' && r != '$' && r != '-' && r != '+' })
		if m := markOf(word, begins); m != "" {
			all = append(all, m)
		}
		begins = strings.ContainsAny(raw[len(raw)-1:], ".!?:\"")
	}
	slices.Sort(all)
	return all
}

func markOf(word string, begins bool) string {
	small := strings.ToLower(word)
	switch {
	case word == "":
		return ""
	case strings.ContainsFunc(word, special):
		return word
	case opposed[small]:
		return small
	case strings.HasSuffix(small, "n't"):
		return "not"
	case small == word || begins && starters[small] || word == "I" || strings.HasPrefix(word, "I'"):
		return ""
	}
	return small // a name
}

// special tells whether a rune is of no plain word: digits and signs.
func special(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '\'' && r != '-' }
