// Package redact is the room of what must not leave the house: keys, passwords
// and personal data in texts. Dreams mask prompts, answers and lessons with it,
// tunes look a second time before a dataset is uploaded, and errors and logs
// repeat a vendor's words only through it. All of them share one table.
//
// It knows forms, not people: names and street addresses stay.
package redact

// Mask replaces secrets and personal data by what they are, such as [email], and
// tells whether there was a secret. What it returns holds none: masked again it
// stays as it is.
func Mask(text string) (masked string, secret bool) {
	for {
		var found bool
		masked, found = apply(secrets, text)
		secret = secret || found
		masked, _ = apply(personal, masked)
		if masked == text {
			return masked, secret
		}
		text = masked // a mark may have closed a gap, so that a form begins to match
	}
}

// Found tells whether a text holds a secret or personal data, by the same table
// as [Mask].
func Found(text string) bool {
	masked, _ := Mask(text)
	return masked != text
}

// Log masks a text for logs and errors. It also takes out what only resembles a
// key, since a word too many is no loss there.
func Log(text string) string {
	text, _ = apply(keyLike, text)
	text, _ = Mask(text)
	return text
}

func apply(table []pattern, text string) (masked string, found bool) {
	for _, p := range table {
		masked = p.form.ReplaceAllStringFunc(text, p.replace)
		found = found || masked != text
		text = masked
	}
	return text, found
}
