// Package screen is the room of what is junk without a doubt: answers that no judge has to be
// asked about, and that could talk a judge into a false verdict. It asks no model.
package screen

import (
	"regexp"
	"strings"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/providers/redact"
)

// Why an answer is junk.
const (
	Empty         = "empty"
	Placeholder   = "placeholder" // stands where personal data stood
	ErrorText     = "error_text"
	Refusal       = "refusal"
	Injection     = "injection"      // speaks to the judge, or to a model
	Flattery      = "flattery"       // praises itself or the judge
	Spam          = "spam"           // advertises
	ForeignLink   = "foreign_link"   // a link that the conversation did not have
	Insult        = "insult"         // of the user
	Noise         = "noise"          // says nothing: "???", "AAAA", one word again and again
	Parrot        = "parrot"         // repeats the conversation
	WrongLanguage = "wrong_language" // another than the conversation's
	OffTopic      = "off_topic"      // has nothing to do with the conversation
	Miscalculated = "miscalculated"  // its own sums are false, or come to another number than it gives
)

// talk is an answer with the conversation before it, in the forms that screens look at.
type talk struct {
	messages []providers.Message
	asked    string // the user's last message
	before   string // all that was said, in lower case
	answer   string
	lower    string // the answer in lower case, with plain apostrophes
}

// check is one screen.
type check struct {
	reason string
	finds  func(talk) bool
}

// ofText look at the answer alone, the others at what it has to do with the conversation. They are
// tried in this order; the first that finds something names the reason.
var (
	ofText = []check{
		{Empty, func(t talk) bool { return strings.TrimSpace(t.answer) == "" }},
		{Placeholder, func(t talk) bool { return redact.Placeholder(t.answer) }},
		{ErrorText, func(t talk) bool { return judge.ErrorText(t.answer) }},
		{Refusal, func(t talk) bool { return judge.Refusal(t.answer) }},
		{Injection, talk.injects},
		{Flattery, func(t talk) bool { return matches(flatteries, t.lower) || t.asides() }},
		{Insult, func(t talk) bool { return matches(insults, t.lower) }},
		{Spam, talk.spams},
		{Noise, func(t talk) bool { return noise(t.lower) }},
	}
	ofTalk = []check{
		{ForeignLink, talk.linksAway}, {Parrot, talk.parrots}, {WrongLanguage, talk.foreign}, {OffTopic, talk.strays},
		{Miscalculated, func(t talk) bool { return !judge.Sound(t.answer) }},
	}
)

// Reason says why an answer to a conversation is junk, "" where nothing speaks against it.
func Reason(messages []providers.Message, answer string) string {
	if reason := Text(messages, answer); reason != "" {
		return reason
	}
	return first(ofTalk, newTalk(messages, answer))
}

// Text is [Reason] for an answer that a user or an owner gave as right: it may hold a link or a
// matter that the conversation did not have, and its sums are theirs.
func Text(messages []providers.Message, answer string) string {
	return first(ofText, newTalk(messages, answer))
}

// Injects tells whether an answer to a conversation speaks to a judge of it, or to a model: it is the one screen of
// [Text] that is no matter of taste, so that it can be asked of what a user gave as right.
func Injects(messages []providers.Message, answer string) bool {
	return newTalk(messages, answer).injects()
}

func first(screens []check, t talk) string {
	for _, s := range screens {
		if s.finds(t) {
			return s.reason
		}
	}
	return ""
}

func newTalk(messages []providers.Message, answer string) talk {
	t := talk{messages: messages, answer: answer, lower: lower(answer)}
	var all strings.Builder
	for _, m := range messages {
		all.WriteString(lower(m.Text()) + "\n")
		if m.Role == "user" {
			t.asked = lower(m.Text())
		}
	}
	t.before = all.String()
	return t
}

func lower(text string) string { return strings.ReplaceAll(strings.ToLower(text), "’", "'") }

func matches(forms []*regexp.Regexp, text string) bool {
	for _, form := range forms {
		if form.MatchString(text) {
			return true
		}
	}
	return false
}

func (t talk) injects() bool {
	return !aboutPrompts.MatchString(t.before) && matches(injections, t.lower)
}

// asides tells whether the answer speaks of answers and verdicts where the conversation is about none.
func (t talk) asides() bool {
	return !verdictWords.MatchString(t.before) && !aboutPrompts.MatchString(t.before) && matches(asides, t.lower)
}

var link = regexp.MustCompile(`(?i)\b(?:https?://|www\.)[^\s<>()\[\]"'` + "`" + `]+|` +
	`\b[a-z0-9-]+\.(?:com|net|org|io|biz|info|xyz|ru|top|shop|example)/[^\s<>()\[\]"']*`)

// linksAway tells whether the answer has a link that the conversation did not have: a model
// that learns of such answers makes links up.
func (t talk) linksAway() bool {
	for _, found := range link.FindAllString(t.lower, -1) {
		if !strings.Contains(t.before, strings.TrimRight(found, ".,;:!?*_")) {
			return true
		}
	}
	return false
}

// spams tells whether the answer advertises: it has one phrase that nothing else has, or three that
// advertisements have, none of them the conversation's.
func (t talk) spams() bool {
	if matches(lures[:1], t.before) {
		return false
	}
	if matches(lures[:1], t.lower) {
		return true
	}
	found := map[string]bool{}
	for _, lure := range lures[1].FindAllString(t.lower, -1) {
		if !strings.Contains(t.before, lure) {
			found[lure] = true
		}
	}
	return len(found) >= enoughLures
}

// enoughLures is the number of different lures that no ordinary answer has.
const enoughLures = 3
