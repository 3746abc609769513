package redact

import (
	"cmp"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// capital is a word that is written as names are; full is one to three of them.
const (
	capital = `(?:\p{Lu}['’])?\p{Lu}\p{Ll}[\p{L}'’-]*`
	full    = `(?P<it>` + capital + `(?: (?:van |von |de |della |da |al-)*` + capital + `){0,2})`
)

// introduced are the words before a name that may be written in any case.
const introduced = `my (?:full |first |last |family )?name(?:'s|’s| is)|name's|the name is|` +
	`call me|mein (?:vor|nach)?name ist|ich hei(?:ß|ss)e|je m['’]appelle|mon nom est|me llamo|mi nombre es|mi chiamo|` +
	`il mio nome [èe]|meu nome [ée]|me chamo|ik heet|mijn naam is|nazywam się|jag heter|jeg hedder`

// introduction finds names that only the words before them announce, where titles and
// capital letters say so.
var introduction = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\b(?:` + introduced + `),? (?P<it>\p{L}[\p{L}'’-]+)`),
	regexp.MustCompile(`(?:\b(?i:` + introduced + `)|(?i:\b(?:first |last |full |customer |guest )?name):),? ` + full),
	regexp.MustCompile(`\b(?i:i am|i'm|i’m|im|ich bin|je suis|soy|sono|sou|this is|ik ben|hier ist|hier spricht|it's|dear|` +
		`hi|hello|hey|hallo|thanks,?|thank you,?|regards,?|sincerely,?|cheers,?|danke,?|merci,?|gracias,?)\s` + full),
	regexp.MustCompile(`\b(?:Mr|Mrs|Ms|Mx|Miss|Dr|Prof|Professor|Herrn?|Frau|Monsieur|Madame|Mme|Mlle|Señora?|Sra?|` +
		`Signora?|Sig|Senhora?|Mevrouw|Meneer)\b\.? (?:(?:Dr|Prof)\. )*` + full),
	regexp.MustCompile(`\b(?i:(?:order|reservation|booking|table|account) (?:is )?(?:under|for|in the name of)|` +
		`under the name(?: of)?) ` + full),
}

// notNames are words that follow on an introduction and name nobody.
var notNames = wordSet(`a an the not no so very really just only also still in on at from to of for with here there all team
everyone everybody folks guys friend friends sir madam ma'am world customer colleague colleagues sorry
afraid happy glad sure ok okay fine good great well back done ready new old able going looking trying
interested monday tuesday wednesday thursday friday saturday sunday january february march april may june
july august september october november december today tomorrow tonight i it it's we you he she they this
that these those what who how why when where yes your my his her our their and or but if is are was were
be been can could will would should please thanks thank siri alexa google claude chatgpt gemini cortana
german french english spanish italian american british canadian chinese japanese indian dutch polish
russian swiss austrian mexican brazilian korean australian irish scottish christian muslim jewish
buddhist hindu catholic vegan vegetarian name email phone iban card address birth date ip id secret
morning afternoon evening again later now let let's would we'll i'll i'm spelled written important nicht
ein eine der die das sehr right wrong correct because such like as one two three yeah true false
everything nothing something perfect awesome amazing dr prof mr mrs ms herr frau nice cool absolutely
definitely pretty too ma mam dear santa`)

func wordSet(text string) map[string]bool {
	words := map[string]bool{}
	for _, word := range strings.Fields(text) {
		words[word] = true
	}
	return words
}

// people masks the names that are introduced, and those that were introduced before in the same conversation.
func (m *Masker) people(text string) string {
	for _, form := range introduction {
		it := form.SubexpIndex("it")
		for _, match := range form.FindAllStringSubmatch(text, -1) {
			m.meet(match[it])
		}
	}
	if len(m.names) == 0 {
		return text
	}
	text = nameWord.ReplaceAllStringFunc(text, func(word string) string {
		name, possessive := bare(word)
		if known := m.names[name]; known != "" {
			return known + possessive
		}
		return word
	})
	for _, known := range m.names { // "Ann Lee" is one name
		text = strings.ReplaceAll(text, known+" "+known, known)
	}
	return text
}

var nameWord = regexp.MustCompile(`[\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*`)

// bare cuts the possessive off a word.
func bare(word string) (name, possessive string) {
	for _, end := range []string{"'s", "’s"} {
		if name, cut := strings.CutSuffix(word, end); cut {
			return name, end
		}
	}
	return word, ""
}

// meet notes a name that was introduced. A word that names nobody, or that was given as a name, ends it.
func (m *Masker) meet(name string) {
	var words []string
	known := ""
	for word := range strings.FieldsSeq(name) {
		word, _ = bare(word)
		if notNames[strings.ToLower(word)] || utf8.RuneCountInString(word) < minName || Invented(word) {
			break
		}
		words = append(words, word)
		known = cmp.Or(known, m.names[word]) // "Ann" who says later that she is Ann Lee
	}
	if len(words) == 0 {
		return
	}
	if known == "" {
		known = m.mark(kindName, strings.Join(words, " "))
	}
	for _, word := range words {
		for _, written := range []string{word, title(word), strings.ToUpper(word)} {
			m.names[written] = cmp.Or(m.names[written], known)
		}
	}
}

// minName is the least length of a name, in characters.
const minName = 2

func title(word string) string {
	first, size := utf8.DecodeRuneInString(word)
	return string(unicode.ToUpper(first)) + word[size:]
}
