package judge

import (
	"encoding/json"
	"maps"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Exact checks an answer against a reference without a model. It tells whether the pair can be
// checked at all, and if so whether the answer is right:
//
//   - a reference with a line "#### n" (GSM8K, https://arxiv.org/abs/2110.14168),
//     or one that is a number, perhaps with a currency sign, a percent sign or a
//     unit: the answer's number is the one after "####", in \boxed{…} or after
//     "answer is", else its last one. Thousands separators do not matter, values
//     are compared as fractions. One that is left open ("1 or 2") is wrong.
//   - a JSON object or list: the answer has to be the same value, in any order of
//     keys. A Markdown fence around it is removed.
//   - at most three words without a full stop: the answer, or the text after
//     "answer is" or "####", has to be these words. Where they stand in a longer
//     sentence ("not Paris") nothing is decided.
//
// Other pairs cannot be checked.
func Exact(reference, answer string) (checkable, correct bool) {
	reference = normal(reference)
	answer = normal(answer)
	if want, ok := referenceNumber(reference); ok {
		return checkNumber(want, answer)
	}
	if want, ok := document(reference); ok {
		got, ok := document(unfenced(answer))
		return true, ok && reflect.DeepEqual(want, got)
	}
	return checkWords(reference, answer)
}

// Number tells whether a reference is a number, or ends in one after "####".
func Number(reference string) bool {
	_, ok := referenceNumber(normal(reference))
	return ok
}

// normal replaces Unicode variants of a character, and of the minus sign, by one form.
func normal(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(norm.NFKC.String(text), "\u2212", "-"))
}

// quantity is a number and the text after it.
type quantity struct {
	value *big.Rat
	unit  string // lower case, "" where none
}

const number = `([-+]?)\s?[$€£]?\s?([-+]?)((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(/\d+)?`

var (
	numberText  = regexp.MustCompile(number)
	numberAlone = regexp.MustCompile(`^` + number + `\s*(%|[\p{L}°²³/ ]{0,24})\.?$`)
	final       = regexp.MustCompile(`####\s*([^\n]*)`)
	boxed       = regexp.MustCompile(`\\boxed\{([^{}]*)\}`)
	announced   = regexp.MustCompile(`(?i)\banswer\b(?:\s+is)?\s*[:=]?\s*([^\n]*)`)
)

// maxNumber is the greatest length of a number, in bytes. A longer one is treated as text:
// big.Rat would take long to compare it.
const maxNumber = 60

// referenceNumber reads a reference that is a number.
func referenceNumber(reference string) (quantity, bool) {
	if marks := final.FindAllStringSubmatch(reference, -1); marks != nil {
		reference = strings.TrimSpace(marks[len(marks)-1][1])
	}
	parts := numberAlone.FindStringSubmatch(reference)
	if parts == nil {
		return quantity{}, false
	}
	value, ok := rational(parts)
	return quantity{value, strings.ToLower(strings.TrimSpace(parts[5]))}, ok
}

// rational reads the groups of the number pattern. A minus sign counts only where it is not a
// dash between words.
func rational(parts []string) (*big.Rat, bool) {
	if len(parts[0]) > maxNumber {
		return nil, false
	}
	text := strings.ReplaceAll(parts[3], ",", "") + parts[4]
	if strings.HasPrefix(text, ".") {
		text = "0" + text
	}
	if parts[4] != "" && strings.Contains(parts[3], ".") {
		return nil, false
	}
	value, ok := new(big.Rat).SetString(text)
	if ok && (parts[1] == "-" || parts[2] == "-") {
		value.Neg(value)
	}
	return value, ok
}

// checkNumber compares the answer's number. A right number with another unit decides nothing.
func checkNumber(want quantity, answer string) (checkable, correct bool) {
	got, rest, ok := answeredNumber(answer)
	if !ok || got.Cmp(want.value) != 0 {
		return true, false
	}
	if want.unit == "" || want.unit == "%" || !unicodeLetter(rest) {
		return true, true
	}
	named := strings.Contains(strings.ToLower(answer), want.unit)
	return named, named
}

func unicodeLetter(text string) bool {
	first, _ := utf8.DecodeRuneInString(strings.TrimSpace(text))
	return unicode.IsLetter(first)
}

// Claim is the number that an answer gives as its result, after "####", in \boxed{…} or after "answer is"; "" where
// it gives none, or leaves it open.
func Claim(answer string) string {
	answer = normal(answer)
	if !final.MatchString(answer) && !boxed.MatchString(answer) && !announced.MatchString(answer) {
		return ""
	}
	return Result(answer)
}

// Result is the number that an answer ends with, or gives as its result; "" where it has none.
func Result(answer string) string {
	value, _, ok := answeredNumber(normal(answer))
	if !ok {
		return ""
	}
	return value.RatString()
}

// answeredNumber finds the number that an answer ends with, and the text after it.
func answeredNumber(answer string) (value *big.Rat, rest string, ok bool) {
	for _, marker := range []*regexp.Regexp{final, boxed, announced} {
		marks := marker.FindAllStringSubmatch(answer, -1)
		if marks == nil {
			continue
		}
		said := marks[len(marks)-1][1]
		if found := numberText.FindStringSubmatchIndex(said); found != nil {
			return numberAt(said, found)
		}
	}
	all := numberText.FindAllStringSubmatchIndex(answer, -1)
	if len(all) == 0 {
		return nil, "", false
	}
	return numberAt(answer, all[len(all)-1])
}

func numberAt(text string, at []int) (value *big.Rat, rest string, ok bool) {
	parts := make([]string, len(at)/2)
	for i := range parts {
		if at[2*i] >= 0 {
			parts[i] = text[at[2*i]:at[2*i+1]]
		}
	}
	if at[0] > 0 && strings.HasPrefix(parts[0], "-") && text[at[0]-1] != ' ' && text[at[0]-1] != '=' {
		parts[1], parts[2] = "", "" // a range or a hyphen: "3-4"
	}
	value, ok = rational(parts)
	return value, text[at[1]:], ok && !hedged(text, at[0])
}

// openChoice is numbers between which an answer does not decide: "1 or 2 or 3".
var openChoice = regexp.MustCompile(`(?i)\d[\d.,]*(?:\s*,?\s*\b(?:or|oder|ou)\s+` +
	`(?:(?:maybe|perhaps|possibly|even)\s+)?[-$€£]*\d[\d.,]*)+`)

// hedged tells whether the number at a place is one of several that are left open.
func hedged(text string, at int) bool {
	for _, span := range openChoice.FindAllStringIndex(text, -1) {
		if span[0] <= at+1 && at < span[1] {
			return true
		}
	}
	return false
}

// document reads a JSON object or list; numbers are compared as fractions.
func document(text string) (any, bool) {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil, false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil || decoder.More() {
		return nil, false
	}
	return canonical(value), true
}

func canonical(value any) any {
	switch v := value.(type) {
	case json.Number:
		if len(v) > maxNumber || strings.ContainsAny(string(v), "eE") {
			return v.String()
		}
		rat, ok := new(big.Rat).SetString(v.String())
		if !ok {
			return v.String()
		}
		return rat.RatString()
	case []any:
		for i := range v {
			v[i] = canonical(v[i])
		}
	case map[string]any:
		for _, key := range slices.Collect(maps.Keys(v)) {
			v[key] = canonical(v[key])
		}
	}
	return value
}

var fence = regexp.MustCompile("(?s)^```[a-zA-Z]*\n(.*?)\n?```$")

func unfenced(text string) string {
	if inside := fence.FindStringSubmatch(text); inside != nil {
		return strings.TrimSpace(inside[1])
	}
	return text
}

// References up to these lengths are compared word by word. A longer one can be answered
// correctly in other words.
const (
	maxWords = 3
	maxRunes = 40 // characters
)

func checkWords(reference, answer string) (checkable, correct bool) {
	want := plain(reference)
	words := strings.Fields(want)
	short := len(words) > 0 && len(words) <= maxWords && utf8.RuneCountInString(reference) <= maxRunes
	if !short || strings.ContainsAny(reference, ".!?\n") {
		return false, false
	}
	if plain(answer) == want {
		return true, true
	}
	for _, marker := range []*regexp.Regexp{final, boxed, announced} {
		for _, said := range marker.FindAllStringSubmatch(answer, -1) {
			if plain(said[1]) == want {
				return true, true
			}
		}
	}
	inside := strings.Contains(" "+plain(answer)+" ", " "+want+" ")
	return !inside, false
}

// plain returns a text in lower case, reduced to its words.
func plain(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) && r != '+' && r != '#'
	}), " ")
}
