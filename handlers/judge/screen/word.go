package screen

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"dreamlab/providers"
)

// words returns the words of a text in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) && r != '\''
	})
}

func setOf(text string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(text) {
		set[word] = true
	}
	return set
}

// fillers stand where nothing is said.
var fillers = regexp.MustCompile(`^\W*((test(ing|s)?|foo|bar|baz|foobar|asdf\w*|qwert[yz]\w*|lorem|ipsum|` +
	`dolor|todo|tbd|xx+|blah|bla|dummy|sample text|` +
	`placeholder|hjkl|asd|dfg|abc ?123|123)\W*)+$|\blorem ipsum\b`)

// The bounds of repetition: a word, or a line, that makes up most of an answer.
const (
	manyTimes   = 4
	longRun     = 4 // times one character, as in "AAAA"
	sameLines   = 4
	wordsOfLine = 3
)

// noise tells whether a text says nothing: signs alone, one character or word again and again, a filler.
func noise(text string) bool {
	list := words(text)
	if len(list) == 0 {
		return strings.IndexFunc(text, func(r rune) bool { return unicode.Is(unicode.So, r) }) < 0
	}
	if fillers.MatchString(text) || len(list) == 1 && oneSign(list[0]) {
		return true
	}
	return repeated(list, manyTimes, 2) || looped(text)
}

func oneSign(word string) bool {
	first := []rune(word)[0]
	return len([]rune(word)) >= longRun && strings.Trim(word, string(first)) == "" && unicode.IsLetter(first)
}

// repeated tells whether one of the texts stands at least n times and makes up more than a
// part of them.
func repeated(list []string, n, part int) bool {
	count := map[string]int{}
	for _, one := range list {
		count[one]++
		if count[one] >= n && count[one]*part > len(list) {
			return true
		}
	}
	return false
}

// looped tells whether a text says the same sentence again and again.
func looped(text string) bool {
	var lines []string
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(".!?\n。", r) }) {
		if line = strings.Join(words(line), " "); strings.Count(line, " ") >= wordsOfLine-1 {
			lines = append(lines, line)
		}
	}
	return repeated(lines, sameLines, 2)
}

// repeats are requests that are answered by repeating.
var repeats = regexp.MustCompile(`\b(repeat|quote|copy|extract|proof ?read|(correct|fix|format|edit|` +
	`sort) (this|the|my|these|it|following)|rewrite|rephrase|translate|spell|verbatim|read (it |` +
	`that )?back|echo|` +
	`say (it |that )?again|which (one|sentence|word|line)|convert|reverse|uppercase|lowercase|capitali[sz]e|` +
	`punctuat\w*|grammar|summari[sz]e|` +
	`wiederhol\w*|zitier\w*|übersetz\w*|korrigier\w*|repite|traduc\w*|répète\w*|tradui\w*|ripeti|say)\b`)

// The lengths from which on a repetition is no accident, in words.
const (
	shortEcho = 4  // of the user's message
	longEcho  = 10 // of an earlier answer, or of pieces of the conversation
	pieceOf   = 4  // words that stand in the same order
)

// parrots tells whether the answer only repeats what was said.
func (t talk) parrots() bool {
	said := words(t.answer)
	if len(said) == 0 || repeats.MatchString(t.asked) {
		return false
	}
	for i, m := range t.messages {
		message := words(m.Text())
		last := i >= len(t.messages)-2
		if m.Role == "user" && (len(said) >= shortEcho || last) && alike(said, message) {
			return true
		}
	}
	return t.joined(said) || len(said) >= longEcho && t.pieced(said)
}

// alike tells whether two texts are the same words in the same order, but for a few at the ends.
func alike(a, b []string) bool {
	one, two := " "+strings.Join(a, " ")+" ", " "+strings.Join(b, " ")+" "
	spare := len(a)/5 + 1
	if len(a) < shortEcho {
		spare = 0
	}
	return strings.Contains(one, two) && len(a)-len(b) <= spare || strings.Contains(two, one) && len(b)-len(a) <= spare
}

// joined tells whether an answer is messages one after the other, some of it the user's. The longest
// are taken out first, so that a "yes" leaves the sentence whole that begins with it.
func (t talk) joined(said []string) bool {
	rest, users := " "+strings.Join(said, " ")+" ", 0
	for _, m := range slices.SortedStableFunc(slices.Values(t.messages), longer) {
		message := words(m.Text())
		cut := strings.ReplaceAll(rest, " "+strings.Join(message, " ")+" ", " ")
		if m.Role == "user" && cut != rest {
			users += len(message)
		}
		rest = cut
	}
	const fifth = 5
	return users >= shortEcho && len(strings.Fields(rest))*fifth <= len(said)
}

func longer(a, b providers.Message) int { return cmp.Compare(len(b.Text()), len(a.Text())) }

// pieced tells whether nearly all of an answer stands in the conversation, piece by piece, and some of
// it was the user's.
func (t talk) pieced(said []string) bool {
	known, users := map[string]bool{}, map[string]bool{}
	for _, m := range t.messages {
		for _, piece := range pieces(words(m.Text())) {
			known[piece] = true
			users[piece] = users[piece] || m.Role == "user"
		}
	}
	found, mine, all := 0, 0, pieces(said)
	for _, piece := range all {
		if known[piece] {
			found++
		}
		if users[piece] {
			mine++
		}
	}
	const most = 10 // nine of ten pieces
	return found*most >= len(all)*(most-1) && mine > 0
}

func pieces(list []string) []string {
	var out []string
	for i := 0; i+pieceOf <= len(list); i++ {
		out = append(out, strings.Join(list[i:i+pieceOf], " "))
	}
	return out
}

// addressed tells whether an answer speaks to the user of the matter at hand.
var addressed = regexp.MustCompile(`\b(you|your|yours|we|we'll|we're|our|us|i|i'll|i'm|i've|i'd|it|it's|` +
	`it'll|that|that's|this|they|he|she|them|his|her|its|` +
	`please|sir|madam|ok|okay|sure|yes|no|sorry|thanks?|welcome|great|alright|got|should|let's|du|dir|dich|` +
	`ihr|ihnen|sie|wir|ich|es|das|` +
	`usted|tu|te|su|vous|votre|nous|je|il|lei|voi|você)\b|\?`)

// open are requests that many answers fit. A question word asks at the beginning of a clause alone, or where there is a
// question mark: in "that is what I'd like" nothing is asked.
var open = regexp.MustCompile(`\b(tell|write|give|list|suggest|recommend|joke|story|poem|example|translate|explain|` +
	`describe|define|` +
	`create|compose|generate|draft|make|imagine|think of|ideas?|fact|name|nenn\w*|schreib\w*|erzähl\w*)\b|` + "```" +
	`|(^|[.!?;:,\n])\s*((and|so|ok|okay|well|hi|hello|hey|please) )?` + asking +
	`|\b` + asking + `([^.!\n]*\?| (do|does|did|is|are|was|can|could|should|would|will|to|now|about|if|much|many|long|` +
	`far|often)\b)|^\W*(hello|hi|hey)( there)?\W*$`)

const asking = `(who|what|what's|whats|when|where|which|whose|why|how|wer|was|wann|wo|wie|warum|welche\w*|qu[eéi]\w*|` +
	`cu[aá]\w*|` +
	`d[oó]nde|c[oó]mo|quand|o[uù]|comment|pourquoi)\b`

// offTopicWords is the number of telling words from which on none in common is no accident.
const offTopicWords = 4

// stated is a sentence about something else than user and assistant; of one, fewer words tell.
var stated = regexp.MustCompile(`^(the |an? )?(\p{L}+ ){1,5}(is|are|was|were|has|have|had|cannot|can't|began|begins?|` +
	`ends?|wrote|lies)\b`)

const statedWords = 2

// several sentences rather answer a question in other words than a single one that has none of its words.
var several = regexp.MustCompile(`[.!?]\s+\S`)

// english tells whether a conversation is in English as far as its words say: other languages have other open requests.
func english(text string) bool {
	switch language(text) {
	case "english":
		return true
	case "":
		return strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII && unicode.IsLetter(r) }) < 0
	}
	return false
}

// strays tells whether an answer states something that has no word in common with the
// conversation, that does not speak to the user, and that nobody asked an open question for.
func (t talk) strays() bool {
	if addressed.MatchString(t.lower) || t.openly() || !latin(t.answer) {
		return false
	}
	telling := map[string]bool{}
	for _, word := range words(t.answer) {
		if !common[word] && len(word) > 2 {
			telling[stem(word)] = true
		}
	}
	least := offTopicWords
	if stated.MatchString(t.lower) {
		least = statedWords
	}
	shares := func(word string) bool { return telling[stem(word)] }
	return len(telling) >= least && !slices.ContainsFunc(words(t.before), shares)
}

// openly tells whether many answers fit what was asked, in other words than those of the question.
func (t talk) openly() bool {
	return open.MatchString(t.asked) || !english(t.before) || strings.Contains(t.asked, "?") && several.MatchString(t.answer)
}

// stem cuts a word to its beginning, which its other forms share.
func stem(word string) string {
	const length = 5
	word = strings.TrimSuffix(word, "s")
	runes := []rune(word)
	return string(runes[:min(len(runes), length)])
}

var common = setOf(`the and for with from into are was were has have had been not but all any can
 could will would there here than then
 when while about over under after before during also very more most some such only just each other their which who whom what where
 how why one two its because between both many much`)
