package config

// PII says how personal data is looked for in what dreams keep, beside the forms that are always looked for.
type PII struct {
	// Presidio is the address of a Presidio analyzer, as http://presidio:3000. No row is kept that it finds
	// personal data in, and none while it can not be asked. Defaults to none.
	Presidio string `yaml:"presidio,omitempty"`
	// Language of the texts, as the service was set up for. Defaults to en.
	Language string `yaml:"language"`
	// Score is from which on a finding counts, 0 to 1. Defaults to 0.6.
	Score float64 `yaml:"score"`
	// Entities are the types that count. Defaults to people, their numbers and addresses: no dates, places
	// or nationalities, which most conversations name.
	Entities Names `yaml:"entities"`
}

// defaultPII has the types of https://microsoft.github.io/presidio/supported_entities/ that tell a person.
func defaultPII() PII {
	return PII{Language: "en", Score: 0.6, Entities: Names{
		"PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "MEDICAL_LICENSE",
		"US_SSN", "US_PASSPORT", "US_DRIVER_LICENSE", "US_BANK_NUMBER", "UK_NHS",
	}}
}

func checkPII(l *loader) {
	if p := l.PII; p.Presidio != "" {
		l.checkURL("pii.presidio", p.Presidio, "http", "https")
	}
	if s := l.PII.Score; !(s >= 0 && s <= 1) {
		l.fault("%s: give 0 to 1", l.at("pii.score"))
	}
	if l.PII.Language == "" {
		l.fault("%s: name the language of the texts, as en", l.at("pii.language"))
	}
}
