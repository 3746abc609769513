package reconcile

import (
	"slices"
	"strings"
	"testing"

	"dreamlab/store/money"
)

// TestDifferencesAreNamed compares books with an export that differs in each way.
func TestDifferencesAreNamed(t *testing.T) {
	t.Parallel()
	export, err := Read(strings.NewReader("\ufeffDate,Model,Num Requests,Input Tokens,Output Tokens,Amount\n" +
		"2026-01-31,small,2,100,10,$0.50\n1769817600,small,1,50,5,0.25\n" + // the same day: they are one sum
		"2026-01-31T23:00:00+02:00,large,1,7,7,1\n2026-02-01,unasked,1,1,1,3.5\n"))
	if err != nil {
		t.Fatal(err)
	}
	books := Sums{}
	for key, sum := range map[Key]Sum{
		{"2026-01-31", "small"}: {Calls: new(int64(4)), Input: new(int64(150)), Output: new(int64(16)), Nano: new(int64(75 * money.Cent))},
		{"2026-01-31", "large"}: {Calls: new(int64(1)), Nano: new(int64(102 * money.Cent))},
		{"2026-02-02", "lost"}:  {Nano: new(int64(money.Dollar))},
	} {
		books.Add(key, sum)
	}
	want := []Difference{
		{"2026-01-31", "large", "cost_usd", "1.02", "1"}, {"2026-01-31", "small", "calls", "4", "3"},
		{"2026-01-31", "small", "output_tokens", "16", "15"}, {"2026-02-01", "unasked", OnlyVendor, "", "3.5"},
		{"2026-02-02", "lost", OnlyBooks, "1", ""},
	}
	if got := Compare(books, export, Cent); !slices.Equal(got, want) {
		t.Errorf("differences %+v, want %+v", got, want)
	}
	if got := Compare(books, books, 0); len(got) != 0 {
		t.Errorf("books differ from themselves: %+v", got)
	}
}

// TestMalformedExports names what can not be read, and where.
func TestMalformedExports(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                                    "names of the columns",
		"a,b\n1,2\n":                          "no column for the day",
		"day,cost\n":                          "no column for the model",
		"day,model\nyesterday,m\n":            "line 2",
		"day,model,calls\n2026-01-01,m,-1\n":  "no count",
		"day,model,cost\n2026-01-01,m,free\n": "cost",
		"day,model\n2026-01-01,\n":            "no model",
		"day,model\n2026-01-01,m,x\n":         "wrong number",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

// FuzzRead reads anything without breaking down.
func FuzzRead(f *testing.F) {
	f.Add("date,model,cost\n2026-01-01,m,1.5\n")
	f.Add("start_time,line_item,amount_value\n1769817600,\"a,b\",0.1\n")
	f.Fuzz(func(t *testing.T, text string) {
		sums, err := Read(strings.NewReader(text))
		if err == nil {
			Compare(sums, Sums{}, 0)
		}
	})
}
