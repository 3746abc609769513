package screen

import (
	"regexp"
	"strings"
	"unicode"
)

// scripts are told apart by their letters.
var scripts = []struct {
	name  string
	table *unicode.RangeTable
}{
	{"latin", unicode.Latin}, {"cyrillic", unicode.Cyrillic}, {"greek", unicode.Greek}, {"arabic", unicode.Arabic},
	{"hebrew", unicode.Hebrew}, {"kana", unicode.Hiragana}, {"kana", unicode.Katakana}, {"han", unicode.Han},
	{"hangul", unicode.Hangul}, {"devanagari", unicode.Devanagari}, {"thai", unicode.Thai}, {"bengali", unicode.Bengali},
	{"tamil", unicode.Tamil}, {"georgian", unicode.Georgian}, {"armenian", unicode.Armenian},
}

// script returns the script of most letters of a text, "" where it has too few. A few kana
// make Chinese characters Japanese.
func script(text string) string {
	count, all := map[string]int{}, 0
	for _, r := range text {
		for _, s := range scripts {
			if unicode.Is(s.table, r) {
				count[s.name]++
				all++
			}
		}
	}
	const few, tenth = 4, 10
	if count["kana"]*tenth > all {
		return "kana"
	}
	for name, n := range count {
		if n >= few && n*3 > all*2 {
			return name
		}
	}
	return ""
}

func latin(text string) bool { return script(text) == "latin" }

// stops are the frequent words of languages in Latin letters. Words that languages share tell nothing and are
// left out where they would.
var stops = map[string]map[string]bool{
	"english": setOf(`the a an as in or i me if by from of and to is that it you for with your this have are not what can
 please my we our
 will be would how do i'm it's
 was were has there here which when where should could just some about like want need yes at on`),
	"german": setOf(`der die das und ist nicht ich sie es ein eine einen zu mit auf für dem den von wie kann
 wir ihr haben sind bitte im auch
 mir ihre ihnen wird aber oder wenn noch nach bei um gerne möchte heute ja nein danke sehr`),
	"french": setOf(`le la les des et est une un vous je que pour dans pas avec sur votre nous ce qui au du
 il elle sont mais ou plus oui non
 bonjour merci c'est votre j'ai être avez peux`),
	"spanish": setOf(`el la los las y es una un que de en por para con su se lo está como más pero muy
 usted mi gracias puede sí son del
 al hola qué tiene puedo estará listo quiero`),
	"italian": setOf(`il lo la gli le di e è che un una per con non sono si del della nel alla come ma più
 anche grazie può ciao questo
 vostro suo hai ho sarà vorrei`),
	"portuguese": setOf(`o os e é que um uma de da em para com não se por seu sua mais como mas você
 está obrigado sim são pode na ao
 olá isso`),
	"dutch": setOf(`de het een en van ik je dat niet op te met voor zijn aan er maar om u uw wij kan bij
 ook hebben wat naar graag
 dank nog`),
}

const (
	enoughStops = 3
	clearly     = 2 // times as many stop words as the next language
)

// language returns the language of a text in Latin letters, "" where its words do not say.
func language(text string) string {
	count := map[string]int{}
	for _, word := range words(text) {
		for name, set := range stops {
			if len(word) > 1 && set[word] { // a letter alone is rather a name: "express y in z"
				count[name]++
			}
		}
	}
	best, next := "", 0
	for _, name := range names {
		switch {
		case count[name] > count[best]:
			best, next = name, count[best]
		case count[name] > next:
			next = count[name]
		}
	}
	if count[best] < enoughStops || count[best] < clearly*next {
		return ""
	}
	return best
}

var names = []string{"english", "german", "french", "spanish", "italian", "portuguese", "dutch"}

// otherLanguage are requests that are answered in another language than they are made in.
var otherLanguage = regexp.MustCompile(`\b(translat\w*|übersetz\w*|traduc\w*|tradui\w*|tradu[zç]\w*|` +
	`vertaal\w*|english|german|french|spanish|italian|portuguese|` +
	`dutch|russian|chinese|mandarin|japanese|korean|arabic|hindi|greek|latin|polish|turkish|swedish|` +
	`deutsch\w*|englisch\w*|französisch\w*|spanisc\w*|` +
	`español\w*|inglés|francés|alemán|anglais\w*|français\w*|allemand\w*|espagnol\w*|italiano|inglese|inglês|` +
	`language|idioma|sprache|langue)\b|` +
	`翻译|英语|英文|中文|日语|英語|日本語|번역|영어|한국어|перевед|английск|русск`)

// foreign tells whether an answer is in another language than its user's.
func (t talk) foreign() bool {
	if otherLanguage.MatchString(t.before) || strings.Contains(t.answer, "```") {
		return false
	}
	var users strings.Builder
	for _, m := range t.messages {
		if m.Role == "user" {
			users.WriteString(m.Text() + "\n")
		}
	}
	asked, said := script(users.String()), script(t.answer)
	if asked != "" && said != "" && asked != said {
		return asked == "latin" || said != "latin" || len(words(t.answer)) >= enoughStops
	}
	was, is := language(users.String()), language(t.answer)
	if was == "" { // too short to say: the answers before it tell
		was = language(t.before)
	}
	if was == "english" && t.strange() {
		return true
	}
	return was != "" && is != "" && was != is
}

// strange tells whether an answer to English has no word of English that is frequent, but letters that English lacks, or
// frequent words of another language: languages are many, and a short answer has few words to tell them by.
func (t talk) strange() bool {
	said, others := words(t.answer), 0
	for _, word := range said {
		if stops["english"][word] || common[word] {
			return false
		}
		for _, set := range stops {
			if set[word] {
				others++
				break
			}
		}
	}
	return len(said) > enoughStops && (others >= 2 || accented.MatchString(t.answer) && !open.MatchString(t.asked))
}

// accented finds a word, no name, with a letter that English lacks.
var accented = regexp.MustCompile(`(^|[^\p{L}])\p{Ll}*[\x{df}-\x{24f}\x{1e00}-\x{1eff}]`)
