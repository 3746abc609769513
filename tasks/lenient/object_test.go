package lenient_test

import (
	"errors"
	"strings"
	"testing"

	"dreamlab/tasks/lenient"
)

func TestObject(t *testing.T) {
	t.Parallel()
	const plain = `{"verdict":"a","why":"{ and } in \"it\""}`
	cases := map[string]string{ // the text → what is found, "" for none
		plain:                                               plain,
		"\ufeff \r\n" + plain + "\n":                        plain,
		"```json\n" + plain + "\n```":                       plain,
		"```\r\n" + plain + "\r\n```\r\nDone.":              plain,
		"Here is the result:\n" + plain:                     plain,
		plain + "\n\nI hope this helps {smile}.":            plain,
		"<think>\nIs it {\"a\":1}?\n</think>\n\n" + plain:   plain,
		"It may be {\"a\":1}.\n</think>" + plain:            plain,
		"<THINKING>x</THINKING>```json\n" + plain + "```":   plain,
		"A draft: {\"a\":1}. Better: " + plain:              plain,
		"{" + plain + "}":                                   plain,
		`{"text":"</think>"}`:                               `{"text":"</think>"}`,
		"a set {1, 2} and " + plain:                         plain,
		"[" + plain + "]":                                   plain,
		plain + " {":                                        plain,
		"":                                                  "",
		"null":                                              "",
		"[1,2]":                                             "",
		"no object here":                                    "",
		`{"a":{"b":1},"c":"cut of`:                          "",
		"A draft: {\"a\":1}. Better: {\"a\":{\"b\":2},":     "",
		"<think>Perhaps {\"a\":1}, but":                     "",
		`{"a":{"b":1},oops}`:                                "",
		strings.Repeat(`{"a":`, 20000):                      "",
		strings.Repeat(`{`, 200000) + plain:                 plain,
		"<reasoning>" + strings.Repeat("x", 100000) + plain: "",
		"Here:\n\n```JSON\n{\n  \"a\": [1, {\"b\": 2}]\n}\n```": "{\n  \"a\": [1, {\"b\": 2}]\n}",
	}
	for text, want := range cases {
		found, err := lenient.Object(text)
		if string(found) != want || errors.Is(err, lenient.ErrNoObject) != (want == "") {
			t.Errorf("%.80q: found %q, %v", text, found, err)
		}
	}
}
