package lenient_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"dreamlab/tasks/lenient"
)

// readAll returns the rows as "number:text".
func readAll(from io.Reader, most int) (all []string, err error) {
	rows := lenient.NewRows(from, most)
	for {
		row, err := rows.Next()
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case errors.Is(err, lenient.ErrLong):
			row = []byte("long")
		case err != nil:
			return all, err
		}
		all = append(all, fmt.Sprintf("%d:%s", rows.Number(), row))
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	cases := map[string][]string{
		"":                                nil,
		"\ufeff":                          nil,
		"a\nb":                            {"1:a", "2:b"},
		"\ufeffa\r\n\r\n b \r\n":          {"1:a", "2:", "3:b"},
		"a\n[1]\nb":                       {"1:a", "2:[1]", "3:b"},
		"long line here\nb\n":             {"1:long", "2:b"},
		"[]":                              nil,
		" \r\n[1, 2,\n3]\n":               {"1:1", "2:2", "3:3"},
		"\ufeff[{\"a\":\n1},{\"b\":2},]":  {"1:{\"a\":\n1}", "2:{\"b\":2}"},
		`["],\"",[1,2]]`:                  {`1:"],\""`, "2:[1,2]"},
		`["long text here",7]`:            {"1:long", "2:7"},
		`[1,{"a":`:                        {"1:1", `2:{"a":`},
		`[oops,2]`:                        {"1:oops", "2:2"},
		`[1,,2]`:                          {"1:1", "2:", "3:2"},
		"[1] and more":                    {"1:1"},
		strings.Repeat(" ", 100000) + "x": {"1:long"},
	}
	for text, want := range cases {
		for name, from := range map[string]io.Reader{
			"whole": strings.NewReader(text), "a byte at a time": iotest.OneByteReader(strings.NewReader(text)),
		} {
			if got, err := readAll(from, 12); err != nil || !slices.Equal(got, want) {
				t.Errorf("%.60q, %s: %q, %v", text, name, got, err)
			}
		}
	}
}

func TestUTF16IsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\xff\xfe{\x00}\x00", "\xfe\xff\x00{\x00}", "{\x00}\x00", "\x00{\x00}"} {
		if got, err := readAll(strings.NewReader(text), 100); !errors.Is(err, lenient.ErrUTF16) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestRowsTellOfTheirReader(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, text := range []string{"", "a", "[1,2"} {
		from := io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))
		if _, err := readAll(from, 100); !errors.Is(err, broken) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
