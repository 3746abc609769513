package judge

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, reference, answer string
		checkable, correct      bool
	}{
		{"marked number", "16-3-4=9\n9*2=18\n#### 18", "She makes $18 every day.", true, true},
		{"wrong number", "#### 18", "She makes $17.", true, false},
		{"no number", "#### 18", "I am not sure.", true, false},
		{"thousands", "#### 70000", "The profit is $70,000.", true, true},
		{"decimal zero", "#### 18", "It costs 18.00 dollars", true, true},
		{"fraction", "0.5", "The answer is 1/2", true, true},
		{"marker wins over the last number", "#### 5", "#### 5\nchecked in 3 steps", true, true},
		{"boxed", "42", `so \boxed{42} after 7 days`, true, true},
		{"announced", "42", "The answer is 42. That took 3 steps.", true, true},
		{"negative", "-3", "The answer is -3", true, true},
		{"minus sign of another kind", "-3", "The answer is \u22123", true, true},
		{"a range is not negative", "4", "pages 3-4", true, true},
		{"list is two numbers", "12", "1,2", true, false},
		{"choice of numbers", "#### 18", "It is 1 or 2 or 3 or 18", true, false},
		{"choice that is announced", "18", "The answer is 18 or 20.", true, false},
		{"choice behind the marker", "18", "#### 3, or maybe 18", true, false},
		{"choice before the answer", "18", "It takes 2 or 3 steps. The answer is 18.", true, true},
		{"the same in two units", "3", "The answer is 3 hours or 180 minutes.", true, true},
		{"currency", "$1,250.50", "You owe 1250.5", true, true},
		{"unit missing", "5 km", "5", true, true},
		{"unit same", "5 km", "It is 5 km away", true, true},
		{"unit other", "5 km", "It is 5 miles", false, false},
		{"percent", "40%", "about 40 percent", true, true},
		{"full width", "12", "\uff11\uff12", true, true},
		{"word", "Paris", "paris.", true, true},
		{"word announced", "Paris", "The answer is: Paris", true, true},
		{"word in a sentence", "Paris", "It is not Paris", false, false},
		{"word absent", "Paris", "London", true, false},
		{"part of a word", "cat", "concatenate", true, false},
		{"sentence", "Your refund is on its way.", "Your refund is on its way.", false, false},
		{"four words", "one two three four", "one two three four", false, false},
		{"nothing known", "", "anything", false, false},
		{"json", `{"a":1,"b":[true,null]}`, "```json\n{\"b\":[true,null],\"a\":1.0}\n```", true, true},
		{"json other", `{"a":1}`, `{"a":2}`, true, false},
		{"json broken", `[1,2]`, `[1,2`, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			checkable, correct := Exact(c.reference, c.answer)
			if checkable != c.checkable || correct != c.correct {
				t.Errorf("Exact(%q, %q) = %v, %v", c.reference, c.answer, checkable, correct)
			}
		})
	}
}

func TestClaim(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string][2]string{
		"2 * 9 = 18\n#### 18":                {"18", "18"},
		"So the answer is 1/2.":              {"1/2", "1/2"},
		`\boxed{1,200}`:                      {"1200", "1200"},
		"She makes $18 every day.":           {"", "18"},
		"The answer is 18 or 20.":            {"", ""},
		"I am not sure what the answer is.":  {"", ""},
		"The answer is in the menu, page 12": {"12", "12"},
		"No idea.":                           {"", ""},
	} {
		if claim, result := Claim(answer), Result(answer); claim != want[0] || result != want[1] {
			t.Errorf("%q claims %q and ends with %q, want %q", answer, claim, result, want)
		}
	}
}

func FuzzExact(f *testing.F) {
	f.Add("#### 18", "18")
	f.Add(`{"a":1e999999999}`, `{"a":1}`)
	f.Fuzz(func(t *testing.T, reference, answer string) {
		checkable, correct := Exact(reference, answer)
		if correct && !checkable {
			t.Errorf("Exact(%q, %q) is right without being checkable", reference, answer)
		}
	})
}

// workedAnswers returns the worked answers of word problems, which are right. A larger set of these is no part
// of the repository; where a folder with it is at hand the checks are held to all of it.
func workedAnswers(t *testing.T) (all []string) {
	t.Helper()
	path := filepath.Join("testdata", "problems.jsonl")
	if dir := os.Getenv("DREAMLAB_SHARED"); dir != "" {
		path = filepath.Join(dir, "data", "gsm8k-test-400.jsonl")
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var row struct{ Answer string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		all = append(all, row.Answer)
	}
	if len(all) == 0 {
		t.Fatal("the file is empty")
	}
	return all
}

func TestExactOnWordProblems(t *testing.T) {
	t.Parallel()
	for row, worked := range workedAnswers(t) {
		_, last, _ := strings.Cut(worked, "#### ")
		for answer, want := range map[string]bool{
			worked: true, "Therefore, the answer is $" + last + ".": true, "It is " + last + "7.": false,
		} {
			if checkable, correct := Exact(worked, answer); !checkable || correct != want {
				t.Errorf("row %d: Exact(…#### %s, …) = %v, %v for %.60q", row, last, checkable, correct, answer)
			}
		}
	}
}
