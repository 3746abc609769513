package redact_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"dreamlab/providers/redact"
)

func TestMask(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, want string
		secret     bool
	}{
		{"write to ann.lee+x@shop.example.com today", "write to [EMAIL_1] today", false},
		{"card 4111 1111 1111 1111, thanks", "card [CARD_1], thanks", false},
		{"card 4111 1111 1111 1111 12/26", "card [CARD_1] 12/26", false},
		{"no. 12 4111-1111-1111-1111", "no. 12 [CARD_1]", false},
		{"order 4111 1111 1111 1112", "order 4111 1111 1111 1112", false}, // the check digit is wrong
		{"pay to DE89 3704 0044 0532 0130 00.", "pay to [IBAN_1].", false},
		{"pay to es91 2100 0418 4502 0005 1332 then call", "pay to [IBAN_1] then call", false},
		{"part DE88 3704 1144 1532 1130 11.", "part DE88 3704 1144 1532 1130 11.", false},
		{"call +49 30 1234 5678 or (415) 555-2671", "call [PHONE_1] or [PHONE_2]", false},
		{"call 0049 30 1234 5678", "call [PHONE_1]", false},
		{"ssn 078-05-1120", "ssn [ID_1]", false},
		{"key gsk_abcdefghijklmnopqrstuv1234", "key [secret]", true},
		{"use sk-proj-abcdefghijklmnopqrstuvwx", "use [secret]", true},
		{"key sk-abcdefghijklmnop1234", "key [secret]", true},
		{"hf_abcdefghijklmnopqrst and glpat-abcdefghijklmnopqrst", "[secret] and [secret]", true},
		{"id AKIAIOSFODNN7EXAMPLE", "id [secret]", true},
		{"token ya29.a0AfH6SMBx-abcdefgh_ijklmn", "token [secret]", true},
		{"postgres://app:s3cret@db/x and redis://:s3cret@host", "[secret]db/x and [secret]host", true},
		{"Authorization: Bearer abcdefghijklmnopqrstuv==", "Authorization: [secret]", true},
		{"-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nbye", "[secret]\nbye", true},
		{"-----BEGIN RSA PRIVATE KEY-----", "[secret]", true},
		{"Room 12, 2026-11-23, 3 x 450 ml, $1,299.00", "Room 12, 2026-11-23, 3 x 450 ml, $1,299.00", false},
		{"order 123456789", "order 123456789", false},
		{"write to <email> or press the @ button", "write to <email> or press the @ button", false},
		{"", "", false},
	}
	for _, test := range tests {
		got, secret := redact.Mask(test.text)
		if got != test.want || secret != test.secret {
			t.Errorf("Mask(%q) is %q, %v; want %q, %v", test.text, got, secret, test.want, test.secret)
		}
		if found := redact.Found(test.text); found != (test.text != test.want) {
			t.Errorf("Found(%q) is %v", test.text, found)
		}
	}
}

// TestNamedSecrets tells values that somebody chose from what is said of them.
func TestNamedSecrets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"my password is hunter2!x":                   true,
		"password: hunter2hunter2":                   true,
		"Password = correctHorse":                    true,
		`{"password":"Tr0ub4dor&3"}`:                 true,
		"the API key is 9f8e7d6c5b4a":                true,
		"DB_PASSWORD=s3cret-value":                   true,
		"passphrase: p@ssphrase":                     true,
		"access token: 1234567890":                   true,
		"Das Passwort ist Sommer2024.":               true,
		"client_secret => abc123def":                 true,
		"the password is incorrect":                  false,
		"The password is incorrect.":                 false,
		"the password is required!":                  false,
		"your password is expired, choose another":   false,
		"the password is case-sensitive":             false,
		"Password: Required":                         false,
		"the API key is invalid":                     false,
		"API key is missing or malformed":            false,
		"the access token is JSON-encoded":           false,
		"password is base64-encoded":                 false,
		"password: <password>":                       false,
		"password: [password]":                       false,
		"api_key=YOUR_API_KEY":                       false,
		"api_key = process.env.API_KEY":              false,
		"password: ${DB_PASSWORD}":                   false,
		"password: ********":                         false,
		"api key: https://docs.example.com/keys":     false,
		"I forgot my password: what now?":            false,
		"password issue123 is open":                  false,
		"What is a password manager?":                false,
		"Das Passwort ist falsch":                    false,
		"the password is 12-character":               false,
		"api key is unknown; the password isn't set": false,
		"password is 不正确的密码":                         false,
	} {
		if _, secret := redact.Mask(text); secret != want {
			t.Errorf("Mask(%q) found a secret: %v", text, secret)
		}
	}
}

func TestLogTakesOutWhatResemblesAKey(t *testing.T) {
	t.Parallel()
	const want = "no [secret], no [secret], no [EMAIL_1]; see https://x/?[secret]&y=1"
	got := redact.Log("no sk-abc****wxyz, no Bearer abc, no a@b.example; see https://x/?X-Amz-Signature=ab12&y=1")
	if got != want {
		t.Errorf("got %q", got)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	raw := `{"n":12345678901234567890,"text":"I am\nbob@x.example","image_url":{"url":"https://x/4111111111111111"},` +
		`"arguments":["{\"to\":\"bob@x.example\"}"]}`
	masked := string(redact.JSON(json.RawMessage(raw)))
	if strings.Contains(masked, "bob@") || !strings.Contains(masked, "4111111111111111") ||
		!strings.Contains(masked, "12345678901234567890") || !json.Valid([]byte(masked)) {
		t.Errorf("got %s", masked)
	}
	if redact.JSON(json.RawMessage(`{"no`)) != nil || redact.JSON(nil) != nil {
		t.Error("what is not JSON was masked")
	}
}

// FuzzMask holds that a masked text holds nothing to mask, and that masking
// breaks no character.
func FuzzMask(f *testing.F) {
	for _, seed := range []string{
		"a@b.co 4111 1111 1111 1111", "password is a@b.coX1", "password: [secret]x1", "+49 30 1234 5678@x.de",
		"https://u:0800 123456@h", "DE89 3704 0044 0532 0130 00 4111111111111111", "api key: 不正确", "\xff password=\xff1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		masked, _ := redact.Mask(text)
		if redact.Found(masked) {
			again, _ := redact.Mask(masked)
			t.Errorf("%q became %q, then %q", text, masked, again)
		}
		if utf8.ValidString(text) && !utf8.ValidString(masked) {
			t.Errorf("%q became %q", text, masked)
		}
	})
}
