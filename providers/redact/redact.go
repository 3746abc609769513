// Package redact is the room of what must not leave the house: keys, passwords
// and personal data in texts. Dreams mask prompts, answers and lessons with it,
// tunes look a second time before a dataset is uploaded, and errors and logs
// repeat a vendor's words only through it. All of them share one table.
//
// It knows forms, and people only where words announce them ("my name is …", "Mrs …"):
// a name that nothing announces in the whole conversation stays.
package redact

import (
	"fmt"
	"regexp"
	"strings"
)

// Masker masks the texts of one conversation. The same value gets the same placeholder in
// all of them: "[EMAIL_1]" is the first e-mail address, wherever it stands again. It serves one
// goroutine.
type Masker struct {
	marks map[string]string // placeholders by kind and value
	count map[string]int    // placeholders of a kind
	names map[string]string // placeholders of the names, by each of their words as it may be written
	fresh []string          // invented names that are not given yet, in the place of placeholders
}

// New returns a masker for a conversation.
func New() *Masker {
	return &Masker{marks: map[string]string{}, count: map[string]int{}, names: map[string]string{}}
}

// Text replaces secrets and personal data by their placeholders, and tells whether
// there was a secret. What it returns holds none: masked again it stays as it is.
func (m *Masker) Text(text string) (masked string, secret bool) {
	for {
		var found bool
		masked, found = m.apply(secrets, text)
		secret = secret || found
		masked = m.people(m.lines(masked))
		if masked == text {
			return masked, secret
		}
		text = masked // a placeholder may have closed a gap, so that a form begins to match
	}
}

// lines masks the forms of personal data. None goes on over a line's end, and all but spelled-out
// addresses have a digit or an @, so that most lines need not be searched for fifty forms.
func (m *Masker) lines(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		table := mails
		if strings.ContainsAny(line, "0123456789") {
			table = personal
		}
		lines[i], _ = m.apply(table, line)
	}
	return strings.Join(lines, "")
}

// Mask masks a text that belongs to no conversation.
func Mask(text string) (masked string, secret bool) { return New().Text(text) }

// Found tells whether a text holds a secret or personal data, by the same table
// as [Mask].
func Found(text string) bool {
	masked, _ := Mask(text)
	return masked != text
}

// Log masks a text for logs and errors. It also takes out what only resembles a
// key, since a word too many is no loss there.
func Log(text string) string {
	text, _ = New().apply(keyLike, text)
	text, _ = Mask(text)
	return text
}

// placeholder finds what this package and other maskers (Presidio, forms to fill in) put in
// the place of a value.
var placeholder = regexp.MustCompile(`\[secret\]|[\[<](?:EMAIL|IBAN|CARD|ID|PHONE|IP|NAME|ADDRESS|BIRTH_DATE|PERSON|LOCATION|` +
	`EMAIL_ADDRESS|PHONE_NUMBER|CREDIT_CARD|IBAN_CODE|IP_ADDRESS|US_SSN|DATE_TIME|REDACTED)(?:_\d+)?[\]>]|` +
	`\[(?:email|iban|card|ssn|phone|name|address|redacted)\]|` +
	`(?i:\[(?:your|customer|insert|company|agent|user)['’]?s? [^\]\n]{2,30}\])`)

// Placeholder tells whether a text holds a placeholder in the place of a value.
func Placeholder(text string) bool { return placeholder.MatchString(text) }

// WithoutPlaceholders returns a text with a gap in the place of each placeholder and invented name.
func WithoutPlaceholders(text string) string {
	return inventedName.ReplaceAllString(placeholder.ReplaceAllString(text, "…"), "…")
}

func (m *Masker) apply(table []pattern, text string) (masked string, found bool) {
	for _, p := range table {
		var hit bool
		text, hit = m.replace(p, text)
		found = found || hit
	}
	return text, found
}

// replace puts placeholders in the place of all that a pattern finds.
func (m *Masker) replace(p pattern, text string) (masked string, found bool) {
	var out strings.Builder
	done := 0
	for _, match := range p.form.FindAllStringSubmatchIndex(text, -1) {
		start, end, ok := p.place(text, match)
		if !ok || start < done {
			continue
		}
		out.WriteString(text[done:start])
		out.WriteString(m.mark(p.kind, text[start:end]))
		done = end
	}
	out.WriteString(text[done:])
	return out.String(), done > 0
}

// mark returns the placeholder of a value. Case, spaces and signs do not tell values apart.
func (m *Masker) mark(kind, value string) string {
	if kind == kindSecret {
		return "[" + kind + "]"
	}
	key := kind + " " + strings.Join(strings.FieldsFunc(strings.ToLower(value), unwritten), "")
	switch {
	case m.marks[key] != "":
	case kind == kindName && len(m.fresh) > 0:
		m.marks[key], m.fresh = m.fresh[0], m.fresh[1:]
	default:
		m.count[kind]++
		m.marks[key] = fmt.Sprintf("[%s_%d]", kind, m.count[kind])
	}
	return m.marks[key]
}

func unwritten(r rune) bool { return strings.ContainsRune(" -()/.,", r) }
