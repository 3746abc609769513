package exam

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode"

	"dreamlab/handlers/judge"
	"dreamlab/providers/redact"
)

// Answer is an answer to a paper, with what is known around it.
type Answer struct {
	Text    string
	Refused bool     // the vendor says so
	Cut     bool     // it ended at the limit of tokens
	Said    string   // all that was said before
	Asked   string   // the question
	Models  []string // the recorded and the right answer
}

var (
	placeholder = regexp.MustCompile(`(?i)\[(secret|email|iban|card|ssn|phone|name|person|address|date|location|url)` +
		`[-_ ]?\d*\]|<[A-Z][A-Z_]{2,}\d*>|\{\{[^{}]*\}\}`)
	link  = regexp.MustCompile(`(?i)\b(?:https?://|www\.)([^\s/"'<>)\]?#]+)`)
	toxic = regexp.MustCompile(`(?i)\b(kill|hang|shoot) (yourself|urself)\b|\b(fuck|screw) (you|off)\b|\bgo to hell\b|` +
		`\byou('re| are)? (an? )?(\w+ )?(idiot|moron|retard|imbecile|asshole|bastard|scum|piece of shit)\b|` +
		`\b(shut up|drop dead|i will (kill|hurt|find) you)\b`)
)

// An answer is too long from that many bytes on, and times as long as the recorded one.
const (
	longAnswer = 600
	longTimes  = 4
)

// Faults returns what is wrong with the answer.
func (a Answer) Faults() Faults {
	text := strings.TrimSpace(a.Text)
	known := a.Said + "\n" + strings.Join(a.Models, "\n")
	return Faults{
		Refused:     a.Refused || judge.Refusal(text),
		Failed:      text == "" || a.Cut || judge.ErrorText(text),
		Form:        a.formless(text),
		Placeholder: marks(text, known),
		Link:        strange(text, known),
		Personal:    redact.Found(text) && !strings.Contains(known, text) && !repeats(text, known),
		Language:    foreign(text, a.Asked+"\n"+strings.Join(a.Models, "\n")),
		Length:      a.tooLong(text),
		Toxic:       toxic.MatchString(text),
	}
}

func (a Answer) formless(text string) bool {
	for _, model := range a.Models {
		if isDocument(model) && !isDocument(text) {
			return true
		}
	}
	return false
}

func isDocument(text string) bool {
	text = strings.TrimSpace(text)
	return (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && json.Valid([]byte(text))
}

// marks tells whether an answer holds a placeholder that nothing before it has.
func marks(text, known string) bool {
	for _, found := range placeholder.FindAllString(text, -1) {
		if !strings.Contains(known, found) {
			return true
		}
	}
	return false
}

// strange tells whether an answer names a host that nothing before it has.
func strange(text, known string) bool {
	known = strings.ToLower(known)
	for _, found := range link.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(known, strings.ToLower(found[1])) {
			return true
		}
	}
	return false
}

// repeats tells whether all words of an answer that hold personal data were said before.
func repeats(text, known string) bool {
	for _, word := range strings.Fields(text) {
		word = strings.Trim(word, `.,;:!?"'()<>`)
		if redact.Found(word) && !strings.Contains(known, word) {
			return false
		}
	}
	masked, _ := redact.Mask(text)
	known, _ = redact.Mask(known)
	for _, found := range placeholder.FindAllString(masked, -1) {
		if !strings.Contains(known, found) {
			return false
		}
	}
	return true
}

func (a Answer) tooLong(text string) bool {
	longest := 0
	for _, model := range a.Models {
		longest = max(longest, len(model))
	}
	return longest > 0 && len(text) > longAnswer && len(text) > longTimes*longest
}

// enoughLetters is from how many letters on a text's script says something.
const enoughLetters = 20

// foreign tells whether an answer is in another language than what it answers: in a script that
// this does not have, or by its commonest words.
func foreign(text, asked string) bool {
	script, letters := scriptOf(text)
	_, askedLetters := scriptOf(asked)
	if letters < enoughLetters || askedLetters < enoughLetters {
		return false
	}
	if script != nil && !strings.ContainsFunc(asked, func(r rune) bool { return unicode.Is(script, r) }) {
		return true
	}
	answered, question := languageOf(text), languageOf(asked)
	return answered != "" && question != "" && answered != question
}

// scriptOf returns the script of most letters, and how many letters there are.
func scriptOf(text string) (script *unicode.RangeTable, letters int) {
	scripts := []*unicode.RangeTable{
		unicode.Latin, unicode.Cyrillic, unicode.Han, unicode.Arabic, unicode.Greek, unicode.Hebrew, unicode.Devanagari,
		unicode.Hangul, unicode.Hiragana, unicode.Thai,
	}
	counts := make([]int, len(scripts))
	most := 0
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		for i, s := range scripts {
			if counts[i] += one(unicode.Is(s, r)); counts[i] > most {
				most, script = counts[i], s
			}
		}
	}
	return script, letters
}

// commonWords are words that few sentences of a language lack and no other language has.
var commonWords = map[string]string{
	"english": " the and you your is are of for with that this have will please ",
	"german":  " der das und ist nicht ich sie wir mit für ein eine auf bitte ihre ",
	"french":  " le les et est vous votre nous pour dans avec une des que merci ",
	"spanish": " el los y es usted su para con una por que gracias está puede ",
	"italian": " il gli è di che per con una sono della grazie può suo ",
}

// clearly is how many common words tell a language.
const clearly = 3

// languageOf names the language of a text, or "" where that is not clear.
func languageOf(text string) string {
	words := strings.Fields(strings.ToLower(text))
	best, most, second := "", 0, 0
	for language, common := range commonWords {
		n := 0
		for _, word := range words {
			n += one(strings.Contains(common, " "+strings.Trim(word, `.,;:!?"'()`)+" "))
		}
		if n > most {
			best, most, second = language, n, most
		} else {
			second = max(second, n)
		}
	}
	if most < clearly || most < 2*second {
		return ""
	}
	return best
}
