package redact

import "regexp"

// pattern is a form of what has to be masked. Where the form has a group called
// "it", that group alone is masked, else all that was found. find, where it is not
// nil, returns the part that is meant, and whether there is one at all.
type pattern struct {
	kind string // of the placeholder
	form *regexp.Regexp
	find func(found string) (start, end int, ok bool)
}

func mark(kind, form string) pattern { return pattern{kind: kind, form: regexp.MustCompile(form)} }

// said is a value that only the words before it tell from others, and that holds at least a digit.
func said(kind, words, value string) pattern {
	return mark(kind, `(?i)\b(?:`+words+`)(?P<it>`+value+`)\b`)
}

// place returns where the thing to be masked stands in a match.
func (p pattern) place(text string, match []int) (start, end int, ok bool) {
	start, end = match[0], match[1]
	if i := p.form.SubexpIndex("it"); i >= 0 {
		start, end = match[2*i], match[2*i+1]
	}
	if p.find == nil {
		return start, end, start >= 0
	}
	from, to, ok := p.find(text[start:end])
	return start + from, start + to, ok
}

// The kinds of placeholders: "[EMAIL_1]" is the first address of a conversation.
const (
	kindSecret  = "secret" // "[secret]", never counted
	kindEmail   = "EMAIL"
	kindIBAN    = "IBAN"
	kindCard    = "CARD"
	kindID      = "ID"
	kindPhone   = "PHONE"
	kindIP      = "IP"
	kindName    = "NAME"
	kindAddress = "ADDRESS"
	kindBirth   = "BIRTH_DATE"
)

// secrets are what opens something: keys of vendors and of ourselves, private
// keys, signed tokens, passwords that are called so, passwords in URLs.
var secrets = []pattern{
	mark(kindSecret, `(?s)-----BEGIN [A-Z ]*PRIVATE KEY.*?(-----END [A-Z ]*PRIVATE KEY-----|\z)`),
	mark(kindSecret, `\b(sk|pk|rk)[-_](live|test|proj|ant|or)?[-_A-Za-z0-9]{16,}`),
	mark(kindSecret, `\b(gsk[-_]|hf_|tgp_|dapi|gh[oprsu]_|github_pat_|glpat-|xox[abeprs]-|dl[-_])[-\w]{16,}`),
	mark(kindSecret, `\b(AKIA|ASIA)[0-9A-Z]{16}\b`),
	mark(kindSecret, `\bAIza[-_0-9A-Za-z]{35}`),
	mark(kindSecret, `\beyJ[-_A-Za-z0-9]{10,}\.[-_A-Za-z0-9]{10,}\.[-_A-Za-z0-9]*`),
	mark(kindSecret, `\bya29\.[-_.A-Za-z0-9]{16,}`),
	mark(kindSecret, `(?i)\bbearer\s+[-._~+/A-Za-z0-9]{20,}=*`),
	{kindSecret, named, secretValue},
	mark(kindSecret, `(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@`),
}

// keyLike are the forms of short and shortened keys, as vendors repeat them.
var keyLike = []pattern{
	mark(kindSecret, `(?i)\bbearer\s+[^\s"',]+`),
	mark(kindSecret, `(?i)\b(gsk|sk|tgp|dl|pat|key)[-_][A-Za-z0-9_\-*]{8,}`),
	mark(kindSecret, `(?i)(X-Goog-|X-Amz-)?Signature=[^&\s"]+`),
}
