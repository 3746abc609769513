package db_test

import (
	"slices"
	"strings"
	"testing"

	"dreamlab/store/db"
)

func TestWordsOf(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 40)
	for text, want := range map[string][]string{
		"": nil, " -_/ ": nil, "Order-42 order": {"order", "42"}, `{"user":"Zoë@b.example"}`: {"user", "zoë", "b", "example"},
		long: {strings.Repeat("é", 32)},
	} {
		if got := db.WordsOf(text); !slices.Equal(got, want) {
			t.Errorf("%q has the words %q, want %q", text, got, want)
		}
	}
	if n := len(db.WordsOf(strings.Repeat("a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6 7 8 9", 2))); n != 32 {
		t.Errorf("%d words, want 32", n)
	}
}

// TestSelection binds values in turn, and leaves a condition out whose value is empty.
func TestSelection(t *testing.T) {
	t.Parallel()
	n := db.Select("SELECT 1 FROM t WHERE a = $1", "x")
	n.Where("(b = ? OR c = ?)", "y", "")
	n.Where("(b = ? AND c = ?)", "y", "z")
	n.Begins("id", "")
	n.Mentions("50%_!", "id", "name")
	want := "SELECT 1 FROM t WHERE a = $1 AND (b = $2 AND c = $3) AND (id >= $4 AND id < $5 OR lower(name) LIKE $6 ESCAPE '!')"
	if n.Query != want || len(n.Args) != 6 || n.Args[5] != "%50!%!_!!%" {
		t.Errorf("got %s\nwith %q", n.Query, n.Args)
	}
}
