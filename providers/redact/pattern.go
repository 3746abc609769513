package redact

import "regexp"

// pattern is a form of what has to be masked, with what takes its place.
type pattern struct {
	form    *regexp.Regexp
	replace func(found string) string
}

func mark(form, mark string) pattern {
	return pattern{regexp.MustCompile(form), func(string) string { return mark }}
}

// secrets are what opens something: keys of vendors and of ourselves, private
// keys, signed tokens, passwords that are called so, passwords in URLs.
var secrets = []pattern{
	mark(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY.*?(-----END [A-Z ]*PRIVATE KEY-----|\z)`, "[secret]"),
	mark(`\b(sk|pk|rk)[-_](live|test|proj|ant|or)?[-_A-Za-z0-9]{16,}`, "[secret]"),
	mark(`\b(gsk[-_]|hf_|tgp_|dapi|gh[oprsu]_|github_pat_|glpat-|xox[abeprs]-|dl[-_])[-\w]{16,}`, "[secret]"),
	mark(`\b(AKIA|ASIA)[0-9A-Z]{16}\b`, "[secret]"),
	mark(`\bAIza[-_0-9A-Za-z]{35}`, "[secret]"),
	mark(`\beyJ[-_A-Za-z0-9]{10,}\.[-_A-Za-z0-9]{10,}\.[-_A-Za-z0-9]*`, "[secret]"),
	mark(`\bya29\.[-_.A-Za-z0-9]{16,}`, "[secret]"),
	mark(`(?i)\bbearer\s+[-._~+/A-Za-z0-9]{20,}=*`, "[secret]"),
	{named, maskNamed},
	mark(`(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@`, "[secret]"),
}

// personal are forms of personal data.
var personal = []pattern{
	mark(`(?i)\b[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}\b`, "[email]"),
	{regexp.MustCompile(`(?i)\b[a-z]{2}\d{2}( ?[a-z0-9]{4}){2,7}( ?[a-z0-9]{1,4})?\b`), checked(iban, "[iban]")},
	{regexp.MustCompile(`\b\d(?:[ -]?\d){12,24}\b`), checked(card, "[card]")},
	mark(`\b\d{3}-\d{2}-\d{4}\b`, "[ssn]"),
	mark(`\+\d{1,3}[ .\-/]?(\(\d{1,4}\)|\d{1,4})([ .\-/]?\d{2,4}){2,4}\b`, "[phone]"),
	mark(`\b00\d{2}[ .\-/](\(\d{1,4}\)|\d{1,4})([ .\-/]?\d{2,4}){2,4}\b`, "[phone]"),
	mark(`(\(\d{3}\) ?|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b`, "[phone]"),
	mark(`\b0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,5}\b`, "[phone]"),
}

// keyLike are the forms of short and shortened keys, as vendors repeat them.
var keyLike = []pattern{
	mark(`(?i)\bbearer\s+[^\s"',]+`, "[secret]"),
	mark(`(?i)\b(gsk|sk|tgp|dl|pat|key)[-_][A-Za-z0-9_\-*]{8,}`, "[secret]"),
	mark(`(?i)(X-Goog-|X-Amz-)?Signature=[^&\s"]+`, "[secret]"),
}
