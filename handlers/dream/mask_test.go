package dream

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestMask(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, want string
		secret     bool
	}{
		{"write to ann.lee+x@shop.example.com today", "write to [email] today", false},
		{"card 4111 1111 1111 1111, thanks", "card [card], thanks", false},
		{"order 4111 1111 1111 1112", "order 4111 1111 1111 1112", false}, // the check digit is wrong
		{"pay to DE89 3704 0044 0532 0130 00.", "pay to [iban].", false},
		{"part DE88 3704 1144 1532 1130 11.", "part DE88 3704 1144 1532 1130 11.", false},
		{"call +49 30 1234 5678 or (415) 555-2671", "call [phone] or [phone]", false},
		{"ssn 078-05-1120", "ssn [ssn]", false},
		{"key gsk_abcdefghijklmnopqrstuv1234", "key [secret]", true},
		{"use sk-proj-abcdefghijklmnopqrstuvwx", "use [secret]", true},
		{"id AKIAIOSFODNN7EXAMPLE", "id [secret]", true},
		{"my password is hunter2!x", "my [secret]", true},
		{"postgres://app:s3cret@db/x", "[secret]db/x", true},
		{"-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nbye", "[secret]\nbye", true},
		{"Room 12, 2026-11-23, 3 x 450 ml, $1,299.00", "Room 12, 2026-11-23, 3 x 450 ml, $1,299.00", false},
		{"What is a password manager?", "What is a password manager?", false},
	}
	for _, test := range tests {
		got, secret := mask(test.text)
		if got != test.want || secret != test.secret {
			t.Errorf("mask(%q) is %q, %v; want %q, %v", test.text, got, secret, test.want, test.secret)
		}
	}
}

func TestMaskedMessagesStayMessages(t *testing.T) {
	t.Parallel()
	raw := `[{"role":"user","content":[{"type":"text","text":"I am\nbob@x.example"},` +
		`{"type":"image_url","image_url":{"url":"https://x/4111111111111111"}}]},` +
		`{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",` +
		`"function":{"name":"f","arguments":"{\"to\":\"bob@x.example\"}"}}]}]`
	masked := string(maskMessages(json.RawMessage(raw)))
	if strings.Contains(masked, "bob@") || !strings.Contains(masked, "4111111111111111") || !json.Valid([]byte(masked)) {
		t.Errorf("got %s", masked)
	}
	if maskMessages(json.RawMessage(`{"no":"list"}`)) != nil {
		t.Error("what is no list was taken for one")
	}
}

func TestMaskIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z0-9 @.+()\-]{0,80}`).Draw(t, "text")
		once, _ := mask(text)
		twice, _ := mask(once)
		if once != twice || !utf8.ValidString(once) {
			t.Fatalf("%q became %q, then %q", text, once, twice)
		}
	})
}
